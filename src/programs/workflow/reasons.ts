/** Reason code of steps that wait for the steps inside them. Neither a person nor time can help there. */
export const STEPS_INSIDE = 'steps_inside'
/** Reason code of a state that took too long, and of the steps inside it that were given up. */
export const STEP_TIMEOUT = 'step_timeout'
/** Reason code of a run that took too long, and of its steps. */
export const WORKFLOW_TIMEOUT = 'workflow_timeout'
/** Reason code of steps that wait for a time. */
export const TIMER = 'timer'
