import { SOCKETS } from './sockets.ts'
import { describeEscapes } from './suite.ts'

describeEscapes('sockets', SOCKETS)
