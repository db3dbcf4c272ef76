#include "sql/lane_locks.h"

#include <utility>

namespace lockstep::sql {

GateHold::GateHold(WriterGate& gate) {
  // The holder of the turnstile is the next in line; who released the gate queues behind it.
  const std::lock_guard next(gate.turnstile_);
  lock_ = std::unique_lock(gate.gate_);
}

void GateHold::release() {
  if (lock_.owns_lock()) lock_.unlock();
}

void StateGuard::open_main(bool open) {
  const Held held(lock_);
  main_open_ = open;
}

bool StateGuard::main_is_open() {
  const Held held(lock_);
  return main_open_;
}

void StateGuard::protect_wal(std::uint64_t frames) {
  const Held held(lock_);
  protected_frames_ = frames;
}

bool StateGuard::wal_is_protected() {
  const Held held(lock_);
  return protected_frames_ > 0;
}

void StateGuard::set_copying(std::uint64_t frames) {
  const Held held(lock_);
  copying_ = frames;
}

std::uint64_t StateGuard::copying() {
  const Held held(lock_);
  return copying_;
}

void Interruption::begin() {
  const Held held(lock_);
  running_ = true;
  asked_ = false;
}

void Interruption::end() {
  const Held held(lock_);
  running_ = false;
}

bool Interruption::asked() {
  const Held held(lock_);
  return asked_ || for_good_;
}

void Interruption::ask() {
  const Held held(lock_);
  asked_ = asked_ || running_;
}

void Interruption::ask_for_good() {
  const Held held(lock_);
  for_good_ = true;
}

std::optional<std::size_t> JobRow::begin_next() {
  const Held held(lock_);
  if (begun_ == end_) return std::nullopt;
  return begun_++;
}

std::size_t JobRow::begun() {
  const Held held(lock_);
  return begun_;
}

JobRow::Rest JobRow::cut() {
  const Held held(lock_);
  return {.first = begun_, .end = std::exchange(end_, begun_)};
}

}  // namespace lockstep::sql
