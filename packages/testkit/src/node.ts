// Node-only half of the testkit: the fixtures of this repository, and model files on disk.

export {
  breakAfter,
  type FakeHub,
  type FakeRepo,
  type Misbehaviour,
  type SeenRequest,
  serveContent,
  startFakeHub,
  status,
} from './node/fake-hub.js'
export {
  type Fixture,
  fixtureNames,
  fixturePath,
  openFixture,
  openModel,
  type QuantizedName,
  quantizedNames,
  type ReferenceRun,
  readQuantizedRun,
  readReferenceRun,
} from './node/fixtures.js'
export { executorParity, floatBounds, type ParityBounds, type QuantizedParity } from './node/parity.js'
export { type SyntheticModelOptions, syntheticContent, writeSyntheticModel } from './synthetic/model.js'
export { type ModelSize, modelSizes, sizeConfig, type TypeMix, typeMixes } from './synthetic/shapes.js'
