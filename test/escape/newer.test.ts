import { NEWER } from './newer.ts'
import { describeEscapes } from './suite.ts'

describeEscapes('newer ways', NEWER)
