export type { Followed, FollowIntent, FollowIntents, FollowRequest } from './port.ts'
export { followTarget } from './target.ts'
