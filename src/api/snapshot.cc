// /snapshot and /reap. A snapshot in this system is no copy: it is a durable point of the database,
// behind which the log is cut (docs/design.md). So there is never a store of old ones to tidy up.
#include "api/cluster.h"
#include "api/replies.h"

namespace lockstep::api {

void serve_snapshot(Context& context, ExchangePtr exchange) {
  const auto keep = exchange->params.trailing_logs;
  context.node.snapshot(
      keep, context.life.guard([exchange = std::move(exchange)](const Result<bool>& news) mutable {
        if (!news) return exchange->responder.answer(text_response(500, news.error().text));
        exchange->responder.answer(empty_response(*news ? 200 : 204));
      }));
}

void serve_reap(Context&, ExchangePtr exchange) {
  exchange->responder.answer(json_response("{\"snapshots_reaped\":0,\"wals_checkpointed\":0}\n"));
}

}  // namespace lockstep::api
