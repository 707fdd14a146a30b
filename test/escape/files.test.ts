import { FILES } from './files.ts'
import { describeEscapes } from './suite.ts'

describeEscapes('files', FILES)
