'use strict';

const { originalWith } = require('./originals');

const ADDED = ['RunError', 'run', 'setDieWithParent'];

module.exports = originalWith(require('node:child_process'), ADDED, 'oxipc/child_process');
