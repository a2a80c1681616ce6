'use strict';

// The only place that loads the addon.
module.exports = require('./binding');
