// What recovery and several URLs add, in types.
import * as amqplib from 'oxipc/amqplib';
import * as callbacks from 'oxipc/amqplib/callback_api';

async function program(): Promise<void> {
  const recovery: amqplib.RecoveryOptions = {
    channels: true,
    bufferMessages: 10,
    bufferBytes: 1000,
    bufferTimeout: 5000,
    setup: async (model: amqplib.ChannelModel) => {
      await model.createChannel();
    },
  };
  const connection = await amqplib.connect(['amqp://a', { hostname: 'b' }], { recovery });
  connection.on('queue-renamed', (to, from) => to.length + from.length);
  const channel: amqplib.OxipcConfirmChannel = await connection.createConfirmChannel();
  await channel.publishConfirmed('', 'q', Buffer.from('x'));
  const plain: amqplib.ChannelModel = await amqplib.connect(['amqp://a', 'amqp://b']);
  await plain.close();
  // @ts-expect-error a number is no URL
  await amqplib.connect([1]);
}

function callbackProgram(): void {
  const recovering: callbacks.RecoveringConnection = callbacks.connect(
    ['amqp://a', 'amqp://b'],
    { recovery: { channels: false } },
    (_error, connection) => connection.createChannel(() => {}),
  );
  recovering.on('queue-renamed', (to, from) => to.length + from.length);
}

export { callbackProgram, program };
