export { FEATURE } from './files.ts'
export { DEMO_AGENT, createDemoProject, type DemoProject } from './project.ts'
