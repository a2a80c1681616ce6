'use strict';

const Module = require('node:module');
const { pathToFileURL } = require('node:url');
const { bind, capture, loadBuiltin, syncBuiltins } = require('./builtins');
const { INSTALLED, chosenModules, isOurs, substitutesFor } = require('./modules');

/** Puts ours in the place of the modules that OXIPC_MODULES names; once in a thread, by the first copy of this package. */
function install() {
  if (Module[INSTALLED]) return;
  const chosen = chosenModules();
  const substitutes = substitutesFor(chosen);
  Object.defineProperty(Module, INSTALLED, { value: { bind } });
  replaceLoad(substitutes);
  replaceGetBuiltinModule(substitutes);
  addHooks(substitutes, chosen);
  replaceSync();
}

// Every require ends here, also those that bypass the resolution hooks (builtins by their `node:` names do).
function replaceLoad(substitutes) {
  const { _load: load } = Module;
  Module._load = function (request, parent, ...rest) {
    const substitute = substitutes.get(request);
    if (substitute === undefined || isOurs(parent?.filename))
      return load.call(this, request, parent, ...rest);
    return substitute.builtin ? loadBuiltin(substitute) : load.call(this, substitute.file, parent, ...rest);
  };
}

function replaceGetBuiltinModule(substitutes) {
  const { getBuiltinModule: original } = process;
  if (original === undefined) return; // Before Node 20.16 and 22.3.
  process.getBuiltinModule = function getBuiltinModule(id) {
    const substitute = substitutes.get(id);
    return substitute?.builtin ? loadBuiltin(substitute) : original(id);
  };
}

function addHooks(substitutes, chosen) {
  if (Module.registerHooks) {
    // Node 22.15, 23.5 and later: hooks on this thread.
    const { createResolve } = require('./resolve');
    Module.registerHooks({ resolve: createResolve(substitutes, capture) });
  } else {
    // Before that they live on a thread of their own.
    Module.register(pathToFileURL(require.resolve('./hooks.mjs')), { data: chosen });
  }
}

function replaceSync() {
  const { syncBuiltinESMExports: original } = Module;
  Module.syncBuiltinESMExports = function syncBuiltinESMExports() {
    original();
    syncBuiltins();
  };
  // ES modules see what has been replaced here.
  original();
}

module.exports = { install };
