const { AsyncLocalStorage } = require('node:async_hooks');
const { tracingChannel } = require('node:diagnostics_channel');
const { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = require('@opentelemetry/api');

/** A context manager whose storage can be bound to a tracing channel. With an SDK: give it as `contextManager`. */
class ContextManager {
  storage = new AsyncLocalStorage();

  active() {
    return this.storage.getStore() ?? ROOT_CONTEXT;
  }

  with(active, call, self, ...args) {
    return this.storage.run(active, () => call.apply(self, args));
  }

  bind(active, target) {
    if (typeof target !== 'function') return target;
    return (...args) => this.with(active, target, undefined, ...args);
  }

  enable() {
    return this;
  }

  disable() {
    this.storage.disable();
    return this;
  }
}

/** Producer and consumer spans for oxipc/amqplib, joined by the headers of the message. */
function instrument(contextManager) {
  const tracer = trace.getTracer('oxipc');
  const spans = new WeakMap();
  const fail = (event) => {
    spans.get(event)?.recordException(event.error);
    spans.get(event)?.setStatus({ code: SpanStatusCode.ERROR, message: event.error.message });
  };
  const end = (event) => spans.get(event)?.end();

  tracingChannel('oxipc:amqplib:publish').subscribe({
    start(event) {
      const span = tracer.startSpan(`send ${event.exchange || event.routingKey}`, {
        kind: SpanKind.PRODUCER,
        attributes: {
          'messaging.system': 'rabbitmq',
          'messaging.operation.type': 'send',
          'messaging.destination.name': event.exchange,
          'messaging.rabbitmq.destination.routing_key': event.routingKey,
        },
      });
      spans.set(event, span);
      propagation.inject(trace.setSpan(context.active(), span), event.options.headers);
    },
    error: fail,
    end: (event) => (event.awaitsConfirm && !event.error ? undefined : end(event)),
    asyncEnd: end,
  });

  const consume = tracingChannel('oxipc:amqplib:consume');
  consume.start.bindStore(contextManager.storage, (event) => {
    const { fields, properties } = event.message;
    const parent = propagation.extract(ROOT_CONTEXT, properties.headers ?? {});
    const options = {
      kind: SpanKind.CONSUMER,
      attributes: {
        'messaging.system': 'rabbitmq',
        'messaging.operation.type': 'process',
        'messaging.destination.name': fields.exchange,
        'messaging.rabbitmq.destination.routing_key': fields.routingKey,
      },
    };
    const span = tracer.startSpan(`process ${fields.exchange || fields.routingKey}`, options, parent);
    spans.set(event, span);
    return trace.setSpan(parent, span);
  });
  consume.subscribe({
    error: fail,
    end: (event) => (event.result instanceof Promise ? undefined : end(event)),
    asyncEnd: end,
  });
}

module.exports = { ContextManager, instrument };
