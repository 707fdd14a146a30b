/** Reason code of steps that wait for those inside of them: nothing that a person or time could help with. */
export const STEPS_INSIDE = 'steps_inside'
/** Reason code of steps that wait for a time. */
export const TIMER = 'timer'
