'use strict';

// `node --import oxipc/register app.js` (or --require). Without the addon a program keeps the originals.

const { allowFallback, isNative } = require('./native/no-addon');
const { nameAbsolutely } = require('./register/flags');

nameAbsolutely(__filename);
if (isNative) require('./register/install').install();
else allowFallback();
