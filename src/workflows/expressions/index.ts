export { holds, parseCondition, pathsOf } from './condition.ts'
export { ExpressionError, parsePath, resolvePath, type Path, type Scope } from './path.ts'
export { fill, fillPrompt, parseTemplate, pathsIn, plainText } from './template.ts'
