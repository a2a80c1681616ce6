'use strict';

const { originalWith } = require('./originals');

const ADDED = ['killTree', 'resourceUsage', 'run', 'RunError', 'setDieWithParent'];

module.exports = originalWith(require('node:child_process'), ADDED, 'oxipc/child_process');
