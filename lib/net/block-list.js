'use strict';

const { BlockList } = require('node:net');

const { ERR_INVALID_ARG_TYPE } = require('../internal/errors');

// Node 20 and early 22 have no such method.
const isBlockList = BlockList.isBlockList ?? ((value) => value instanceof BlockList);

// The option `blockList` of sockets and servers; undefined when there is none.
function validatedBlockList({ blockList }) {
  if (!blockList) return undefined;
  if (!isBlockList(blockList))
    throw new ERR_INVALID_ARG_TYPE('options.blockList', 'net.BlockList', blockList);
  return blockList;
}

module.exports = { validatedBlockList };
