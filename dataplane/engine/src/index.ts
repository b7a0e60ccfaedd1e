// The Rust engine as a class; `npm run build -w @quiver/engine` makes the addon behind it.
export { BINDING_PATH, type Binding, loadBinding } from './binding.ts';
export { type CaptureOptions, Engine, type StartOptions } from './engine.ts';
export { EngineFault } from './engine-fault.ts';
