'use strict';

// The flags that brought us here go on to forked children (process.execArgv) and to all other children (NODE_OPTIONS). A
// name that was found from this process's working directory is not found from another one, an absolute path is.

const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { fileURLToPath, pathToFileURL, URL } = require('node:url');
const { parseNodeOptions, quoteNodeOption } = require('./node-options');

const FLAG = /^(?:-r|--require|--import)$/;
const FLAG_WITH_VALUE = /^(--require|--import)=(.*)$/s;

/** Makes the flags of this process name `file` by its absolute path wherever they name it in another way. */
function nameAbsolutely(file) {
  const { execArgv, env } = process;
  for (const [index, value] of rewrite(execArgv, file)) execArgv[index] = value;
  if (env.NODE_OPTIONS) env.NODE_OPTIONS = rewriteNodeOptions(env.NODE_OPTIONS, file);
}

function rewriteNodeOptions(text, file) {
  const found = parseNodeOptions(text);
  const values = found.map(({ value }) => value);
  // Backwards, so that the places of those before stay right; the rest of the text is left as it is.
  for (const [index, value] of rewrite(values, file).reverse()) {
    const { start, end } = found[index];
    text = text.slice(0, start) + quoteNodeOption(value) + text.slice(end);
  }
  return text;
}

/** The arguments to replace, with their indices, in ascending order. */
function rewrite(args, file) {
  const replacements = [];
  for (let index = 0; index < args.length; index++) {
    const [, name, value] = FLAG_WITH_VALUE.exec(args[index]) ?? [];
    if (name !== undefined) {
      const absolute = absoluteValue(name, value, file);
      if (absolute !== null) replacements.push([index, `${name}=${absolute}`]);
    } else if (FLAG.test(args[index])) {
      const flag = args[index++];
      const absolute = absoluteValue(flag, args[index] ?? '', file);
      if (absolute !== null) replacements.push([index, absolute]);
    }
  }
  return replacements;
}

/** How the flag names the file by its absolute path, or null where it names another file, or does so already. */
function absoluteValue(flag, value, file) {
  if (path.isAbsolute(value) || value.startsWith('file:')) return null;
  if (resolveFlag(flag, value) !== fs.realpathSync(file)) return null;
  if (flag !== '--import') return file;
  // --import takes URLs: a path is one as long as there is nothing in it to encode.
  const url = pathToFileURL(file);
  return url.pathname === file ? file : url.href;
}

/** The file that a flag's value names from the working directory, or null. */
function resolveFlag(flag, value) {
  const folder = path.join(process.cwd(), path.sep);
  try {
    const isRelativeUrl = flag === '--import' && /^\.{1,2}\//.test(value);
    const found = isRelativeUrl
      ? fileURLToPath(new URL(value, pathToFileURL(folder)))
      : createRequire(folder).resolve(value);
    return fs.realpathSync(found);
  } catch {
    return null; // Not a file, or one that only another loader finds.
  }
}

module.exports = { nameAbsolutely };
