'use strict';

require('./pack/manifest').removePlatformPackages();
