'use strict';

// npm pack, npm publish: builds the addon, packs it as the platform's package beside the main tarball, and names the
// platforms' packages in package.json until postpack. OXIPC_PACK_AS_BUILT=1 takes the addons in lib/ as they are: for a
// release, one per platform, built elsewhere.

const fs = require('node:fs');
const path = require('node:path');
const { ensureAddon } = require('./setup/addon');
const { runNpm } = require('./setup/packages');
const { root } = require('./setup/stamp');
const { SetupError, runMain } = require('./setup/stop');
const { addPlatformPackages, read } = require('./pack/manifest');
const { writePlatformPackage } = require('./pack/platform-package');

runMain(async () => {
  if (process.env.OXIPC_PACK_AS_BUILT !== '1') await ensureAddon('release');
  const addons = fs.readdirSync(path.join(root, 'lib')).filter((name) => name.endsWith('.node'));
  if (addons.length === 0) throw new SetupError('lib/ holds no addon to pack: npm run build');
  const destination = path.resolve(root, process.env.npm_config_pack_destination || '.');
  for (const addon of addons) {
    const folder = writePlatformPackage(addon, read());
    const args = ['pack', folder, '--pack-destination', destination];
    if ((await runNpm(args, { quiet: true })).status !== 0)
      throw new SetupError(`npm pack failed for ${addon}`);
    console.error(`packed ${addon} to ${destination}`);
  }
  addPlatformPackages();
});
