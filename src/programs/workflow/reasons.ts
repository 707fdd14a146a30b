/** Reason code of steps that wait for those inside of them: nothing that a person or time could help with. */
export const STEPS_INSIDE = 'steps_inside'
/** Reason code of steps that were given up because a state around them took too long, and of that state. */
export const STEP_TIMEOUT = 'step_timeout'
/** Reason code of a run that took too long, and of its steps. */
export const WORKFLOW_TIMEOUT = 'workflow_timeout'
/** Reason code of steps that wait for a time. */
export const TIMER = 'timer'
