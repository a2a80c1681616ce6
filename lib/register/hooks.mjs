// What Module.register() loads on Node's hooks thread.

import modules from './modules.js';
import resolution from './resolve.js';

let resolveOurs;

export function initialize(chosen) {
  resolveOurs = resolution.createResolve(modules.substitutesFor(chosen));
}

export async function resolve(...args) {
  return resolveOurs(...args);
}
