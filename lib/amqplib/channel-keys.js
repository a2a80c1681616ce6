'use strict';

// Members of a channel or connection that only this package knows: amqplib has none of these names, and wrappers may give
// their own to it.

module.exports = {
  kAcceptCancel: Symbol('kAcceptCancel'),
  kAcceptConfirm: Symbol('kAcceptConfirm'),
  kAcceptContent: Symbol('kAcceptContent'),
  kAcceptDelivery: Symbol('kAcceptDelivery'),
  kAcceptStray: Symbol('kAcceptStray'),
  kCallRestoring: Symbol('kCallRestoring'),
  kCallRpc: Symbol('kCallRpc'),
  kConfirms: Symbol('kConfirms'),
  kConnectionClosed: Symbol('kConnectionClosed'),
  kCountWrites: Symbol('kCountWrites'),
  kDrain: Symbol('kDrain'),
  kDrainLater: Symbol('kDrainLater'),
  kEndedBy: Symbol('kEndedBy'),
  kHoldBack: Symbol('kHoldBack'),
  kIsOpen: Symbol('kIsOpen'),
  kOnLost: Symbol('kOnLost'),
  kModel: Symbol('kModel'),
  kPublishMessage: Symbol('kPublishMessage'),
  kPublishWithConfirm: Symbol('kPublishWithConfirm'),
  kRecoverWith: Symbol('kRecoverWith'),
  kRecovery: Symbol('kRecovery'),
  kReopen: Symbol('kReopen'),
  kResume: Symbol('kResume'),
  kSend: Symbol('kSend'),
  kSendAck: Symbol('kSendAck'),
  kSendNack: Symbol('kSendNack'),
  kSendReject: Symbol('kSendReject'),
  kSuspend: Symbol('kSuspend'),
  kTakePending: Symbol('kTakePending'),
  kWaitForAllConfirms: Symbol('kWaitForAllConfirms'),
};
