#include "host/http_server.h"

#include <gtest/gtest.h>

#include <optional>

#include "host/http_message.h"
#include "world.h"

namespace lockstep::host {
namespace {

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size()))
    ++n;
  return n;
}

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    options_.header_bytes_max = 8192;
    options_.body_bytes_max = 1u << 20;
  }
  // The handler echoes, or keeps the responder if `hold_`.
  void serve() {
    const Listening socket = listen_anywhere();
    port_ = socket.port;
    server_ = std::make_unique<HttpServer>(
        loop_, log_, socket, options_, [this](api::Request request, api::Responder responder) {
          requests_.push_back(request);
          if (hold_) return held_.push_back(std::move(responder));
          responder.answer({.status = 200,
                            .headers = {{"X-Echo", request.method + " " + request.target}},
                            .body = request.body});
        });
  }
  bool until(const std::function<bool()>& holds) { return run_until(loop_, holds); }
  // Sends, waits for the connection to close, returns everything received.
  std::string ask(std::string_view bytes) {
    TcpClient client(port_);
    client.send(loop_, bytes);
    EXPECT_TRUE(until([&] { return client.closed(); }));
    return client.received();
  }

  Loop loop_;
  RecordingLog log_;
  HttpOptions options_;
  std::uint16_t port_ = 0;
  bool hold_ = false;
  std::vector<api::Request> requests_;
  std::vector<api::Responder> held_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, a_request_reaches_the_handler_and_its_answer_the_client) {
  serve();
  const std::string got =
      ask("POST /db/execute?pretty HTTP/1.1\r\nHost: a\r\nX-MiXed: Some Value\r\n"
          "Connection: close\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].method, "POST");
  EXPECT_EQ(requests_[0].target, "/db/execute?pretty");
  EXPECT_EQ(requests_[0].body, "hello");
  EXPECT_EQ(requests_[0].headers[1],
            (std::pair<std::string, std::string>("x-mixed", "Some Value")));
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\nX-Echo: POST /db/execute?pretty\r\nDate: "));
  EXPECT_TRUE(got.ends_with("GMT\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")) << got;
}

TEST_F(HttpServerTest, keep_alive_serves_many_and_pipelined_ones_in_order) {
  serve();
  TcpClient client(port_);
  std::string many;
  for (int i = 0; i < 50; ++i)
    many += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nb" +
            std::to_string(i % 10) + "\r\n";  // the stray line break some clients add
  ASSERT_TRUE(client.send(loop_, many));
  ASSERT_TRUE(until([&] { return count(client.received(), "HTTP/1.1 200 OK") == 50; }));
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = client.received().find("X-Echo: POST /" + std::to_string(i) + "\r\n", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_FALSE(client.closed());
  EXPECT_EQ(server_->connections(), 1u);
  EXPECT_EQ(server_->requests(), 50u);
}

TEST_F(HttpServerTest, the_next_request_waits_for_the_answer_to_this_one) {
  hold_ = true;
  serve();
  TcpClient client(port_);
  client.send(loop_, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(until([&] { return held_.size() == 1; }));
  run_for(loop_, milliseconds(5));
  ASSERT_EQ(held_.size(), 1u);
  held_[0].answer({.status = 204, .headers = {}, .body = ""});
  ASSERT_TRUE(until([&] { return held_.size() == 2; }));
  EXPECT_EQ(requests_[1].target, "/2");
  held_[1].answer({.status = 404, .headers = {}, .body = ""});
  EXPECT_TRUE(until([&] { return count(client.received(), "404 Not Found") == 1; }));
}

TEST_F(HttpServerTest, an_unanswered_request_gets_503) {
  hold_ = true;
  serve();
  TcpClient client(port_);
  client.send(loop_, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(until([&] { return held_.size() == 1; }));
  held_.clear();
  EXPECT_TRUE(until([&] { return client.received().starts_with("HTTP/1.1 503 "); }));
}

TEST_F(HttpServerTest, bodies_in_chunks_and_pieces) {
  serve();
  TcpClient client(port_);
  for (const std::string_view piece :
       {"PO", "ST / HTTP/1.1\r\nHost: a\r\nTransfer-Enc", "oding: chunked\r\n\r\n3\r\nab", "c\r\n",
        "4\r\ndefg\r\n0\r", "\n\r\n"}) {
    client.send(loop_, piece);
    run_for(loop_, milliseconds(1));
  }
  ASSERT_TRUE(until([&] { return client.received().ends_with("abcdefg"); }));
  EXPECT_NE(client.received().find("Content-Length: 7\r\n"), std::string::npos);
}

TEST_F(HttpServerTest, a_large_body_arrives_whole) {
  options_.body_bytes_max = 64u << 20;
  serve();
  TcpClient client(port_);
  const std::string body(4u << 20, 'L');
  ASSERT_TRUE(client.send(loop_, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                                     std::to_string(body.size()) + "\r\n\r\n" + body));
  ASSERT_TRUE(until([&] { return client.received().size() > body.size(); }));
  EXPECT_EQ(requests_[0].body.size(), body.size());
  EXPECT_TRUE(client.received().ends_with(body));
}

TEST_F(HttpServerTest, expect_100_continue_is_answered_before_the_body) {
  serve();
  TcpClient client(port_);
  client.send(loop_,
              "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  ASSERT_TRUE(until([&] { return client.received() == "HTTP/1.1 100 Continue\r\n\r\n"; }));
  client.send(loop_, "body");
  EXPECT_TRUE(until([&] { return client.received().ends_with("\r\n\r\nbody"); }));
  EXPECT_TRUE(ask("POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 4\r\n\r\n")
                  .starts_with("HTTP/1.1 417 "));
}

TEST_F(HttpServerTest, head_gets_the_length_without_the_body) {
  serve();
  TcpClient client(port_);
  client.send(loop_, "HEAD /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  ASSERT_TRUE(until([&] { return client.received().ends_with("\r\n\r\n"); }));
  EXPECT_NE(client.received().find("Content-Length: 3\r\n"), std::string::npos);
  client.send(loop_, "GET /y HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(until([&] { return count(client.received(), "GET /y") == 1; }));
}

TEST_F(HttpServerTest, too_large_bodies_are_refused_even_while_they_are_sent) {
  serve();
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n";
  EXPECT_TRUE(ask(head + std::string(100'000, 'x')).starts_with("HTTP/1.1 413 "));
  std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  chunked += "200000\r\n" + std::string(0x200000, 'x') + "\r\n0\r\n\r\n";
  EXPECT_TRUE(ask(chunked).starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(requests_.empty());
}

TEST_F(HttpServerTest, malformed_requests_get_400_and_the_end) {
  serve();
  for (const std::string_view bad :
       {"nonsense\r\n\r\n", "GET  HTTP/1.1\r\n\r\n", "GET / HTTP/9.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"}) {
    const std::string got = ask(bad);
    EXPECT_TRUE(got.starts_with("HTTP/1.1 400 Bad Request\r\n")) << bad << got;
    EXPECT_NE(got.find("Connection: close"), std::string::npos);
  }
  EXPECT_TRUE(requests_.empty());
}

TEST_F(HttpServerTest, headers_are_bounded) {
  serve();
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n")
                  .starts_with("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, unfinished_bodies_are_bounded_together) {
  options_.bodies_bytes_max = 100'000;
  serve();
  TcpClient first(port_);
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n";
  first.send(loop_, head + std::string(60'000, 'x'));
  TcpClient second(port_);
  second.send(loop_, head + std::string(60'000, 'x'));
  ASSERT_TRUE(until([&] {
    return first.received().starts_with("HTTP/1.1 503 ") ||
           second.received().starts_with("HTTP/1.1 503 ");
  }));
}

TEST_F(HttpServerTest, slow_headers_and_bodies_time_out_but_slow_handlers_do_not) {
  options_.header_timeout = milliseconds(10);
  options_.body_timeout = milliseconds(10);
  hold_ = true;
  serve();
  TcpClient idle(port_);
  TcpClient in_work(port_);
  TcpClient slow_header(port_);
  TcpClient slow_body(port_);
  in_work.send(loop_, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  slow_header.send(loop_, "GET / HT");
  slow_body.send(loop_, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  EXPECT_TRUE(until([&] { return slow_header.closed() && slow_body.closed(); }));
  EXPECT_FALSE(idle.closed());
  EXPECT_FALSE(in_work.closed());
}

TEST_F(HttpServerTest, a_client_that_goes_away_costs_nothing) {
  hold_ = true;
  serve();
  {
    TcpClient client(port_);
    client.send(loop_, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(until([&] { return held_.size() == 1; }));
  }
  held_[0].answer({.status = 200, .headers = {}, .body = std::string(1u << 20, 'x')});
  held_.clear();
  EXPECT_TRUE(until([&] { return server_->connections() == 0; }));
}

TEST_F(HttpServerTest, connections_are_bounded_and_the_rest_waits) {
  options_.connections_max = 2;
  serve();
  TcpClient a(port_);
  auto b = std::make_unique<TcpClient>(port_);
  TcpClient c(port_);
  c.send(loop_, "GET /c HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(until([&] { return server_->connections() == 2; }));
  run_for(loop_, milliseconds(5));
  EXPECT_EQ(c.received(), "");
  b.reset();
  EXPECT_TRUE(until([&] { return count(c.received(), "GET /c") == 1; }));
}

TEST_F(HttpServerTest, old_clients_are_served) {
  serve();
  EXPECT_TRUE(ask("GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 OK"));
  TcpClient client(port_);
  client.send(loop_, "GET http://a:1/abs?x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(until([&] { return count(client.received(), "Connection: keep-alive") == 1; }));
  EXPECT_EQ(requests_.back().target, "/abs?x");
}

TEST_F(HttpServerTest, drain_finishes_what_is_in_work_and_closes_the_rest) {
  hold_ = true;
  serve();
  TcpClient idle(port_);
  TcpClient in_work(port_);
  in_work.send(loop_, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(until([&] { return held_.size() == 1; }));
  bool drained = false;
  server_->drain([&] { drained = true; });
  EXPECT_TRUE(until([&] { return idle.closed(); }));
  EXPECT_FALSE(drained);
  held_[0].answer({.status = 200, .headers = {}, .body = "last"});
  EXPECT_TRUE(until([&] { return drained && in_work.closed(); }));
  EXPECT_TRUE(in_work.received().ends_with("Connection: close\r\n\r\nlast"));
}

TEST_F(HttpServerTest, answers_after_the_end_go_nowhere) {
  hold_ = true;
  serve();
  TcpClient client(port_);
  client.send(loop_, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(until([&] { return held_.size() == 1; }));
  server_.reset();
  held_[0].answer({.status = 200, .headers = {}, .body = "late"});
  EXPECT_TRUE(until([&] { return client.closed(); }));
  EXPECT_EQ(client.received(), "");
}

TEST(HttpMessage, header_values_cannot_forge_headers) {
  const api::Response response{
      .status = 301, .headers = {{"Location", "/a\r\nX-Forged: 1"}, {"A", "b"}}, .body = ""};
  std::string head;
  append_response_head(head, response, {.keep_alive = true, .http_1_0 = false, .date = "D"});
  EXPECT_EQ(head, "HTTP/1.1 301 Moved Permanently\r\nA: b\r\nDate: D\r\nContent-Length: 0\r\n\r\n");
}

TEST(HttpMessage, dates_are_imf_fixdates) {
  EXPECT_EQ(http_date(784887151), "Tue, 15 Nov 1994 08:12:31 GMT");
}

}  // namespace
}  // namespace lockstep::host
