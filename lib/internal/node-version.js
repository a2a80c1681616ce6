'use strict';

/** The major release of the running Node, which decides between behaviours that changed from one to the next. */
const nodeMajor = Number.parseInt(process.versions.node, 10);

module.exports = { nodeMajor };
