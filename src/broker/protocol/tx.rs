//! The tx and confirm classes.

use amq_protocol::protocol::{confirm, tx};

use crate::amqp::wire::method::AMQPClass;
use crate::broker::protocol::exception::{Outcome, command_invalid, precondition_failed};
use crate::broker::vhost::State;
use crate::broker::vhost::channel::{Channel, Confirm, Mode, Transaction, TransactionStep};
use crate::broker::vhost::slots::SlotId;

impl State {
    fn mode(&mut self, session_id: SlotId, number: u16) -> Option<&mut Mode> {
        let channel: &mut Channel = self.sessions.get_mut(session_id)?.channel_mut(number)?;
        Some(&mut channel.mode)
    }

    pub fn confirm_method(
        &mut self,
        session_id: SlotId,
        number: u16,
        method: confirm::AMQPMethod,
    ) -> Outcome {
        let confirm::AMQPMethod::Select(select) = method else {
            return Err(command_invalid("unimplemented method"));
        };
        match self.mode(session_id, number) {
            Some(Mode::Transaction(_)) => {
                return Err(precondition_failed("cannot switch from tx to confirm mode"));
            }
            Some(mode @ Mode::Plain) => *mode = Mode::Confirm(Confirm::default()),
            _ => {}
        }
        if !select.nowait {
            let ok = confirm::AMQPMethod::SelectOk(confirm::SelectOk {});
            self.send(session_id, number, AMQPClass::Confirm(ok));
        }
        Ok(())
    }

    pub fn tx_method(&mut self, session_id: SlotId, number: u16, method: tx::AMQPMethod) -> Outcome {
        let ok = match method {
            tx::AMQPMethod::Select(_) => {
                match self.mode(session_id, number) {
                    Some(Mode::Confirm(_)) => {
                        return Err(precondition_failed("cannot switch from confirm to tx mode"));
                    }
                    Some(mode @ Mode::Plain) => *mode = Mode::Transaction(Transaction::default()),
                    _ => {}
                }
                tx::AMQPMethod::SelectOk(tx::SelectOk {})
            }
            tx::AMQPMethod::Commit(_) => {
                let transaction = self.take_transaction(session_id, number)?;
                self.commit(session_id, number, transaction);
                tx::AMQPMethod::CommitOk(tx::CommitOk {})
            }
            tx::AMQPMethod::Rollback(_) => {
                // What it would have settled is still unacknowledged.
                self.take_transaction(session_id, number)?;
                tx::AMQPMethod::RollbackOk(tx::RollbackOk {})
            }
            _ => return Err(command_invalid("unimplemented method")),
        };
        self.send(session_id, number, AMQPClass::Tx(ok));
        Ok(())
    }

    fn take_transaction(&mut self, session_id: SlotId, number: u16) -> Outcome<Transaction> {
        match self.mode(session_id, number) {
            Some(Mode::Transaction(transaction)) => Ok(std::mem::take(transaction)),
            _ => Err(precondition_failed("channel is not transactional")),
        }
    }

    fn commit(&mut self, session_id: SlotId, number: u16, transaction: Transaction) {
        for pending in transaction.pending {
            match pending {
                TransactionStep::Publish {
                    message,
                    mandatory,
                    copies,
                } => {
                    self.publish(session_id, number, message, mandatory, copies);
                }
                TransactionStep::Settle { tag, settlement } => {
                    self.settle_tag(session_id, number, tag, settlement);
                }
            }
        }
    }
}
