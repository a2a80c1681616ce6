// What Module.register() loads on Node's hooks thread.

import resolution from './resolve.js';

export const { resolve } = resolution;
