import { PROCESSES } from './processes.ts'
import { describeEscapes } from './suite.ts'

describeEscapes('processes', PROCESSES)
