'use strict';

// Why there is no addon: one sentence, the reason first. `kind` decides whether the drop-in modules fall back to Node's own:
// 'unsupported' (nothing to mend here), 'broken' (an installation that lacks what it should have: the warning says so),
// 'clone' (a build is missing: always an error, or a developer would test Node's modules for ours).

const fs = require('node:fs');
const path = require('node:path');

const SUPPORTED = 'Linux x64 and arm64 with glibc';

const root = path.join(__dirname, '..', '..');

function pretended() {
  return unsupported('OXIPC_ADDON=none hides the addon of oxipc');
}

function ofRuntime(runtime) {
  return unsupported(`oxipc has no addon for ${runtime}: it supports Node.js on ${SUPPORTED}`);
}

function ofPlatform(platform) {
  return unsupported(`oxipc supports ${SUPPORTED}; this is ${platform}`);
}

/** `packages`: those of which one should be installed. */
function ofMissing(packages, platform) {
  if (isForeignLibc()) return ofPlatform(`${platform} with another libc (musl)`);
  return broken(
    `the addon of oxipc for ${platform} is not installed (${packages.join(' or ')})`,
    'install oxipc without omitting optional dependencies',
  );
}

function ofVersion(found, wanted) {
  return broken(
    `the addon of oxipc is of version ${found ?? 'unknown'}, and its JavaScript of ${wanted}`,
    'install both anew, of the same version',
  );
}

/** An addon that is there and that the runtime does not load. */
function ofFailure(error, platform) {
  if (error.code === 'ERR_DLOPEN_DISABLED') return { ...unsupported(disabled()), cause: error };
  const [firstLine] = String(error.message).split('\n');
  const glibc = /version `GLIBC_([\d.]+)' not found/.exec(firstLine);
  if (glibc) {
    const reason = `the addon of oxipc needs glibc ${glibc[1]} or later, and this system has ${glibcVersion()}`;
    return { ...unsupported(`${reason}; oxipc supports ${SUPPORTED}`), cause: error };
  }
  if (isForeignLibc()) return { ...ofPlatform(`${platform} with another libc (musl)`), cause: error };
  return { ...broken(`the addon of oxipc does not load: ${firstLine}`, 'install oxipc anew'), cause: error };
}

function disabled() {
  const means = process.permission ? 'the permission model needs --allow-addons for it' : 'see --no-addons';
  return `Node.js was started without addons, and oxipc is one: ${means}`;
}

function unsupported(sentence) {
  return { kind: 'unsupported', sentence };
}

function broken(reason, remedy) {
  // A published package has no sources.
  if (fs.existsSync(path.join(root, 'Cargo.toml')))
    return { kind: 'clone', sentence: `${reason}; \`npm run build\` in ${root} builds it` };
  return { kind: 'broken', sentence: `${reason}; ${remedy}` };
}

function glibcVersion() {
  return report()?.header.glibcVersionRuntime;
}

const isForeignLibc = () => process.platform === 'linux' && glibcVersion() === undefined;

/** Costs milliseconds, more where it looks up the names of open connections: for failures only. */
function report() {
  const { report } = process;
  if (!report) return undefined;
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  try {
    return report.getReport();
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

module.exports = { ofFailure, ofMissing, ofPlatform, ofRuntime, ofVersion, pretended };
