'use strict';

// An unchanged program gets our modules by the originals' names, from require and from import, in this process, its
// worker threads and the processes it forks.

const Module = require('node:module');
const { isOurs, substituteFor } = require('./substitutes');

const { _load: load } = Module;

// Every require ends here, also those that bypass the resolution hooks (builtins by their `node:` names do).
Module._load = function (request, parent, isMain) {
  const file = isOurs(parent?.filename) ? null : substituteFor(request);
  return load.call(this, file ?? request, parent, isMain);
};

if (Module.registerHooks) {
  // Node 22.15, 23.5 and later: hooks on this thread.
  Module.registerHooks({ resolve: require('./resolve').resolveSync });
} else {
  // Before that they live on a thread of their own.
  const { pathToFileURL } = require('node:url');
  Module.register(pathToFileURL(require.resolve('./hooks.mjs')));
}
