'use strict';

// Fields of sockets that no program should meet by name.
module.exports = {
  kHandle: Symbol('kHandle'),
  kTimeout: Symbol('timeout'),
  kLastWriteQueueSize: Symbol('lastWriteQueueSize'),
  kBuffer: Symbol('kBuffer'),
  kBufferCallback: Symbol('kBufferCb'),
  kBufferGenerator: Symbol('kBufferGen'),
  kSetNoDelay: Symbol('kSetNoDelay'),
  kSetKeepAlive: Symbol('kSetKeepAlive'),
  kSetKeepAliveInitialDelay: Symbol('kSetKeepAliveInitialDelay'),
  kSetKeepAliveInterval: Symbol('kSetKeepAliveInterval'),
  kSetKeepAliveCount: Symbol('kSetKeepAliveCount'),
  kSetTypeOfService: Symbol('kSetTOS'),
  kBytesRead: Symbol('kBytesRead'),
  kBytesWritten: Symbol('kBytesWritten'),
  kMayGather: Symbol('kMayGather'),
  kConsume: Symbol('kBoundSocketConsume'),
  kPathOptions: Symbol('kPathOptions'),
  kCopies: Symbol('kCopies'),
  kReceivesDescriptors: Symbol('kReceivesDescriptors'),
  kAttachHandle: Symbol('kAttachHandle'),
};
