'use strict';

// The fork channel on the JavaScript side: 'message', `disconnect`, and the hand-over of sockets; `send` is in
// channel-send.js. Framing and descriptors are native's (src/ipc).

const EventEmitter = require('node:events');
const { deprecate } = require('node:util');

const { ERR_IPC_DISCONNECTED } = require('../internal/errors');
const { sharedSymbol } = require('../internal/shared');
const { errnoException } = require('../internal/system-errors');
const { ChannelHandle } = require('../native');
const { closeDescriptor, conversions } = require('./channel-handles');
const { kChannel } = require('./channel-key');
const { acknowledged, closePending, giveUpQueue, report, send, sendNow } = require('./channel-send');
const { Malformed, serializations } = require('./serialization');

const [MESSAGES, END, SENT, LOST] = [0, 1, 2, 3];

const nodeMajor = Number.parseInt(process.versions.node, 10);
const INTERNAL_PREFIX = 'NODE_';
/** What is kept for a listener to come before the channel is no longer read. */
const UNHEARD_BYTES = 64 * 1024 * 1024;

const kPendingMessages = sharedSymbol('kPendingMessages');

// What `child.channel` is.
class Control extends EventEmitter {
  #channel;
  #refs = 0;
  #refExplicitlySet = false;

  constructor(channel) {
    super();
    this.#channel = channel;
    this[kPendingMessages] = [];
  }

  // The counted forms follow listeners and writes under way, until the user has said what is wanted.
  refCounted() {
    if (++this.#refs === 1 && !this.#refExplicitlySet) this.#channel.ref();
  }

  unrefCounted() {
    if (--this.#refs === 0 && !this.#refExplicitlySet) this.#channel.unref();
  }

  ref() {
    this.#refExplicitlySet = true;
    this.#channel.ref();
  }

  unref() {
    this.#refExplicitlySet = true;
    this.#channel.unref();
  }

  get fd() {
    return this.#channel ? this.#channel.fd : undefined;
  }
}

// One end of a channel: belongs to a `ChildProcess` or, in a child, to `process`.
class Channel {
  constructor(target, fd, serialization, ended) {
    this.target = target;
    this.ended = ended;
    this.sockets = { got: {}, send: {} };
    // A descriptor whose message is not whole yet.
    this.descriptor = -1;
    // Messages that wait for the kernel: their callbacks, and whether a handle goes with them.
    this.unsent = [];
    // Wire bytes of messages that wait for a listener.
    this.unheardBytes = 0;
    // Closes it, once it is disconnected and the message that had come in part is whole.
    this.finish = null;
    this.serialization = serializations[serialization];
    this.handle = new ChannelHandle(fd, serialization === 'advanced', this, onEvent);
    this.control = new Control(this.handle);
  }

  write(message, handle) {
    return this.handle.send(this.serialization.write(message), handle ? handle.fd : -1);
  }

  close() {
    this.handle.close();
    for (const entry of this.unsent.splice(0)) setImmediate(() => this.sent(entry));
    if (this.descriptor >= 0) closeDescriptor(this.descriptor);
    this.descriptor = -1;
  }

  receive(batch, fd) {
    if (fd >= 0) {
      if (this.descriptor >= 0) closeDescriptor(this.descriptor);
      this.descriptor = fd;
    }
    const messages = this.serialization.read(batch);
    // The message to which the descriptor belongs takes it now: the next batch may bring another.
    const descriptor =
      this.descriptor >= 0 && messages.some(isHandleMessage) ? this.takeDescriptor() : undefined;
    if (this.target.channel && messages.length > 0) {
      if (!this.target.listenerCount('message') && messages.some(isForListener)) this.#bound(batch.length);
      process.nextTick(emitAll, this.target, { messages, at: 0, descriptor });
      return;
    }
    if (descriptor !== undefined) closeDescriptor(descriptor);
    if (messages[0] instanceof Malformed) throw messages[0].error;
  }

  get isRead() {
    return this.unheardBytes <= UNHEARD_BYTES;
  }

  // A child that floods a parent which does not listen is not read any more; the kernel then holds it up.
  #bound(bytes) {
    this.unheardBytes += bytes;
    if (!this.isRead) this.handle.readStop();
  }

  heard() {
    if (!this.isRead) this.handle.readStart();
    this.unheardBytes = 0;
  }

  // The child has ended: no more comes than the kernel holds, and then the end, for which 'close' waits.
  readToEnd() {
    const stopped = !this.isRead;
    this.unheardBytes = -Infinity;
    if (stopped) this.handle.readStart();
  }

  // Also for what was lost with the channel: Node makes no difference.
  sent({ callback }) {
    this.control.unrefCounted();
    if (typeof callback === 'function') callback(null);
  }

  // One message alone; nobody will acknowledge its handle.
  lost({ callback, hasHandle }, errno) {
    this.control.unrefCounted();
    report(this.target, errnoException(errno, 'write'), callback);
    if (hasHandle) acknowledged(this.target, true);
  }

  takeDescriptor() {
    const { descriptor } = this;
    this.descriptor = -1;
    return descriptor < 0 ? undefined : descriptor;
  }
}

function onEvent(kind, value, fd) {
  if (kind === MESSAGES) {
    try {
      this.receive(value, fd);
    } finally {
      if (this.finish !== null && !this.handle.buffering) process.nextTick(this.finish);
    }
  } else if (kind === SENT) {
    tellSent(this, this.unsent.splice(0, value));
  } else if (kind === LOST) {
    this.lost(this.unsent.shift(), value);
  } else if (kind === END) {
    const { target } = this;
    if (target[kChannel] === this) {
      target.connected = false;
      giveUpQueue(target);
      target._disconnect();
    } else if (this.finish !== null) {
      process.nextTick(this.finish);
    }
    this.close();
    target.channel = null;
    this.ended(target);
  }
}

// A callback that throws must not keep the rest from theirs.
function tellSent(channel, entries) {
  let at = 0;
  try {
    while (at < entries.length) channel.sent(entries[at++]);
  } finally {
    if (at < entries.length) process.nextTick(tellSent, channel, entries.slice(at));
  }
}

// A listener that throws must not keep the rest from their listeners, nor a malformed message: they follow in a tick of their own.
function emitAll(target, batch) {
  const { messages } = batch;
  try {
    while (batch.at < messages.length) {
      const message = messages[batch.at++];
      if (message instanceof Malformed) throw message.error;
      if (isInternal(message)) emitInternal(target, message, batch);
      else emit(target, message, undefined);
    }
  } finally {
    if (batch.at < messages.length) process.nextTick(emitAll, target, batch);
  }
}

function emitInternal(target, message, batch) {
  let descriptor;
  if (isHandleMessage(message)) {
    descriptor = batch.descriptor;
    batch.descriptor = undefined;
  }
  target.emit('internalMessage', message, descriptor);
}

function emit(target, message, handle) {
  const pending = target.channel?.[kPendingMessages];
  const isHeard = target.listenerCount('message') > 0;
  if (isHeard && !pending?.length) {
    target.emit('message', message, handle);
    return;
  }
  // Behind those that were kept, for which nobody may wait any more: removeAllListeners() takes our 'newListener' too.
  pending?.push([message, handle]);
  if (isHeard) process.nextTick(emitPending, target);
}

function handleMessage(target, message, handle) {
  if (!target.channel) return;
  if (isInternal(message)) process.nextTick(() => target.emit('internalMessage', message, handle));
  else process.nextTick(emit, target, message, handle);
}

const isHandleMessage = (message) => isInternal(message) && message.cmd === 'NODE_HANDLE';
const isForListener = (message) => !isInternal(message) || message.cmd === 'NODE_HANDLE';

function isInternal(message) {
  return (
    message !== null &&
    typeof message === 'object' &&
    typeof message.cmd === 'string' &&
    message.cmd.length > INTERNAL_PREFIX.length &&
    message.cmd.startsWith(INTERNAL_PREFIX)
  );
}

/**
 * Gives `target` a channel on `fd`; `ended` is called with it when the peer is gone. Returns `target.channel`.
 */
function setupChannel(target, fd, serialization, ended) {
  const channel = new Channel(target, fd, serialization, ended);
  target.channel = channel.control;
  target[kChannel] = channel;
  // Messages that wait for a handle's acknowledgement; null when none is under way.
  target._handleQueue = null;
  target._pendingMessage = null;

  target.on('internalMessage', onInternalMessage);
  target.on('newListener', () => process.nextTick(emitPending, target));

  target.send = send;
  target._send = sendNow;
  target.connected = true;
  target.disconnect = disconnect;
  target._disconnect = disconnectNow;

  if (nodeMajor < 26) defineFormerName(target);

  channel.handle.readStart();
  return channel.control;
}

/** As far as it goes, although nobody listens: the child has ended. */
function readChannelToEnd(target) {
  target[kChannel]?.readToEnd();
}

/** Not as `target.channel.unref()`, which would be the user's word: listeners make it count again. */
function unrefChannel(target) {
  target[kChannel].handle.unref();
}

function defineFormerName(target) {
  const text = '_channel is deprecated. Use ChildProcess.channel instead.';
  Object.defineProperty(target, '_channel', {
    get: deprecate(() => target.channel, text, 'DEP0129'),
    set: deprecate((value) => (target.channel = value), text, 'DEP0129'),
    configurable: true,
    enumerable: false,
  });
}

function emitPending(target) {
  if (!target.channel || !target.listenerCount('message')) return;
  const pending = target.channel[kPendingMessages];
  if (pending.length === 0) return;
  target.channel[kPendingMessages] = [];
  let at = 0;
  try {
    while (at < pending.length && target.listenerCount('message') > 0) {
      target.emit('message', ...pending[at++]);
    }
  } finally {
    if (at === pending.length) {
      target[kChannel]?.heard();
    } else if (target.channel) {
      // A listener has thrown, or was the last one: the rest is for those that are there in a tick, or come later.
      target.channel[kPendingMessages] = [...pending.slice(at), ...target.channel[kPendingMessages]];
      process.nextTick(emitPending, target);
    }
  }
}

function onInternalMessage(message, descriptor) {
  if (message.cmd === 'NODE_HANDLE_ACK' || message.cmd === 'NODE_HANDLE_NACK') {
    acknowledged(this, message.cmd === 'NODE_HANDLE_ACK');
  } else if (message.cmd === 'NODE_HANDLE') {
    if (!this.channel) {
      // Disconnected by a listener of a message that came with it.
      if (descriptor !== undefined) closeDescriptor(descriptor);
      return;
    }
    if (descriptor === undefined) {
      // It got lost on the way (no descriptors left): the sender tries again.
      this._send({ cmd: 'NODE_HANDLE_NACK' }, null, true);
      return;
    }
    this._send({ cmd: 'NODE_HANDLE_ACK' }, null, true);
    // Sent again by Node, which wraps it then, each time.
    while (message.type === 'net.Native' && isHandleMessage(message.msg)) message = message.msg;
    conversions[message.type].got(this, message, descriptor, (handle) =>
      handleMessage(this, message.msg, handle),
    );
  }
}

function disconnect() {
  if (!this.connected) {
    this.emit('error', new ERR_IPC_DISCONNECTED());
    return;
  }
  this.connected = false;
  // What waits for an acknowledgement is sent first.
  if (!this._handleQueue) this._disconnect();
}

function disconnectNow() {
  const channel = this[kChannel];
  this.channel = null;
  this[kChannel] = null;
  if (this._pendingMessage) closePending(this);

  let done = false;
  const finish = () => {
    if (done) return;
    done = true;
    channel.close();
    this.emit('disconnect');
  };

  // A message of which a part is here is waited for, unless it is not read any more.
  if (channel.handle.buffering && channel.isRead) {
    channel.finish = finish;
    this.once('message', finish);
    this.once('internalMessage', finish);
  } else {
    process.nextTick(finish);
  }
}

module.exports = { readChannelToEnd, setupChannel, unrefChannel };
