// wire::decode_command is total, and what it accepts is canonical: writing it again gives the same
// bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "wire/command.h"

namespace wire = lockstep::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto command = wire::decode_command(bytes);
  if (!command) return 0;
  wire::CommandWriter writer(command->kind, command->transaction, command->no_parse,
                             command->db_timeout);
  for (const auto& statement : command->statements) {
    writer.statement(statement.sql);
    for (const auto& parameter : statement.parameters) {
      writer.parameter(parameter.name, parameter.value);
    }
  }
  std::string again = writer.take();
  wire::stamp_command(again, command->stamp, command->seed);
  CHECK(again == bytes);
  return 0;
}
