// @fak/hub: what models are called, how they come, and where they are kept. Node only.

export type { NetworkOptions } from './client.js'
export type { RetryPolicy } from './failures.js'
export type { FileHash } from './file-hash.js'
export type { PartialDownload } from './incoming.js'
export type { Manifest, StoredFile, StoredModel } from './manifest.js'
export type { PlannedFile, PullPlan } from './plan.js'
export type { PullEvent, PullOptions } from './pull.js'
export { type HubReference, type LocalReference, type ModelReference, parseModelReference } from './reference.js'
export type { RepoFile } from './selection.js'
export type { Environment } from './settings.js'
export { type OfficialModel, officialModels } from './short-names.js'
export { ModelStore, type ModelStoreOptions, type Resolution } from './store.js'
