import { KERNEL } from './kernel.ts'
import { describeEscapes } from './suite.ts'

describeEscapes('kernel', KERNEL)
