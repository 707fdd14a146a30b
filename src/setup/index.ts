export { detectProject, type Detected, type ProjectCommand } from './detect.ts'
export { proposeConfig, rolesFor, type Proposal, type Roles } from './proposal.ts'
export { writeWhole } from './write.ts'
