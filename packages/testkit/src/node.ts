// Node-only half of the testkit: the fixtures of this repository, and model files on disk.

export {
  type Fixture,
  fixtureNames,
  fixturePath,
  openFixture,
  quantizedNames,
  type ReferenceRun,
  readQuantizedRun,
  readReferenceRun,
} from './fixtures.js'
