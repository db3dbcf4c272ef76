// Recorded histories with known verdicts (tests/data/histories/README.md), and the formats.
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "sim/check_linear.h"
#include "sim/history_parse.h"
#include "tests/check/random_history.h"

namespace lockstep::check {
namespace {

std::string read(const std::string& name) {
  std::ifstream in(std::string(LOCKSTEP_TEST_DATA) + "/histories/" + name, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  EXPECT_TRUE(in) << name;
  return bytes.str();
}

TEST(Files, recorded_histories_get_their_known_verdicts) {
  std::stringstream lines(read("EXPECTED.tsv"));
  std::string file, model, initial, format, expected;
  std::getline(lines, file);
  int files = 0;
  while (lines >> file >> model >> initial >> format >> expected) {
    const std::string text = read(file);
    const Format as = format == "kvtxt" ? Format::kvtxt : Format::edn;
    EXPECT_EQ(guess_format(text), as) << file;
    const auto history = parse_history(text, as, {});
    ASSERT_TRUE(history) << file << ": " << history.error().text;
    const Model m = model == "kv"         ? Model::kv
                    : model == "register" ? Model::reg
                                          : Model::cas_register;
    const auto result = check_linear(*history, m, std::nullopt);
    ASSERT_TRUE(result) << result.error().text;
    EXPECT_EQ(verdict_name(result->verdict), expected) << file;
    ++files;
  }
  EXPECT_EQ(files, 18);
}

TEST(Files, failed_cas_taken_as_a_miss_gives_the_same_verdict) {
  for (const auto& [file, verdict] : {std::pair{"cas-register-n100-c10-b.edn", Verdict::valid},
                                      {"cas-register-n100-c10-c.edn", Verdict::invalid},
                                      {"cas-register-n1000-c10-d.edn", Verdict::valid}}) {
    const auto history = parse_history(read(file), Format::edn, {.failed_cas_missed = true});
    ASSERT_TRUE(history);
    const auto result = check_linear(*history, Model::cas_register, std::nullopt);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->verdict, verdict) << file;
  }
}

constexpr const char* kEtcdLog =
    "INFO  jepsen.util - 0\t:invoke\t:write\t1\n"
    "INFO  jepsen.util - :nemesis\t:info\t:start\tnil\n"
    "INFO  jepsen.core - something else entirely\n"
    "INFO  jepsen.util - 1\t:invoke\t:read\tnil\n"
    "INFO  jepsen.util - 0\t:ok\t:write\t1\n"
    "INFO  jepsen.util - 2   :invoke :cas  [1 2]\n"
    "INFO  jepsen.util - 2\t:info\t:cas\t:timed-out\n"
    "INFO  jepsen.util - 1\t:fail\t:read\t:timed-out\n"
    "INFO  jepsen.util - 3\t:invoke\t:cas\t[1 4]\n"
    "INFO  jepsen.util - 3\t:fail\t:cas\t[1 4]\n"
    "INFO  jepsen.util - 4\t:invoke\t:read\tnil\n"
    "INFO  jepsen.util - 4\t:ok\t:read\t2\n";

TEST(Files, etcd_log_lines_mean_what_they_say) {
  const auto history = parse_history(kEtcdLog, guess_format(kEtcdLog), {});
  ASSERT_TRUE(history) << history.error().text;
  ASSERT_EQ(history->operations.size(), 5u);
  const Operation& timed_out = history->operations[2];
  EXPECT_EQ(timed_out.outcome, Outcome::info);
  EXPECT_EQ(timed_out.returned, kOpen);
  EXPECT_EQ(timed_out.expected, Value("1"));
  EXPECT_EQ(history->operations[1].outcome, Outcome::fail);
  const Operation& missed = history->operations[3];
  EXPECT_EQ(missed.outcome, Outcome::ok);
  EXPECT_FALSE(missed.matched);
  const auto result = check_linear(*history, Model::cas_register, std::nullopt);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->verdict, Verdict::valid);
}

TEST(Files, edn_transactions_tags_comments_and_keywords_are_read) {
  constexpr const char* kText = R"(; a comment
    [{:f :txn, :type :invoke, :process 7, :value [[:write :x 3] [:read :y nil]], :extra #inst "x"}
     {:process :nemesis, :type :info, :f :start}
     {:process 7 :type :ok :f :txn :value [[:write :x 3], [:read :y "two words"]]}])";
  const auto history = parse_history(kText, Format::edn, {});
  ASSERT_TRUE(history) << history.error().text;
  ASSERT_EQ(history->operations.size(), 1u);
  const std::vector<Access> expected{{true, "x", "3", true}, {false, "y", "two words", true}};
  EXPECT_EQ(history->operations[0].accesses, expected);
}

TEST(Files, bad_input_is_an_error_with_its_place) {
  const auto error = [](const char* text, Format format) {
    const auto history = parse_history(text, format, {});
    return history ? std::string("no error") : history.error().text;
  };
  EXPECT_EQ(error("{:process 1\n:type :invoke", Format::edn),
            "line 2: the text ends in the middle of a value");
  EXPECT_EQ(error("}", Format::edn), "line 1: a bracket closes that was not opened");
  EXPECT_EQ(error("{:process 1, :type :ok, :f :read, :value 1}", Format::edn),
            "event 0: process 1 ends an operation it did not begin");
  EXPECT_EQ(error("{:process 1, :type :invoke, :f :swim, :value 1}", Format::edn),
            "no such event: :invoke :swim");
  EXPECT_EQ(error("{\"kind\":\"read\"}", Format::jsonl), "item 1: bad or missing \"call\"");
  EXPECT_EQ(error("{\"kind\":\"read\",\"call\":1,\"level\":\"strange\"}", Format::jsonl),
            "item 1: bad or missing \"level\"");
  EXPECT_EQ(error(std::string(100'000, '[').c_str(), Format::edn),
            "line 1: values are nested too deep");
}

TEST(Files, mangled_input_never_does_harm) {
  Rng rng(7);
  const std::vector<std::pair<std::string, Format>> seeds{
      {read("cas-register-n100-c5-a.edn").substr(0, 2000), Format::edn},
      {read("porcupine-c01-bad.txt").substr(0, 2000), Format::kvtxt},
      {kEtcdLog, Format::etcdlog},
      {to_jsonl(random_history(rng, {.model = Model::multi_register})), Format::jsonl}};
  int accepted = 0;
  for (int i = 0; i < 4000; ++i) {
    auto [text, format] = seeds[rng.below(seeds.size())];
    for (std::uint64_t n = rng.between(1, 4); n > 0; --n) {
      const std::size_t at = rng.below(text.size());
      if (rng.chance(1, 3)) {
        text.erase(at, rng.between(1, 20));
      } else {
        constexpr std::string_view kBytes = "{}[]()\":#\\u;,n0-9\n";
        text[at] = kBytes[rng.below(kBytes.size())];
      }
      if (text.empty()) text = " ";
    }
    const auto history = parse_history(text, format, {});
    if (!history) {
      ASSERT_FALSE(history.error().text.empty());
      continue;
    }
    ++accepted;
    for (const Model model : {Model::cas_register, Model::kv, Model::multi_register}) {
      const auto result =
          check_linear(*history, model, std::nullopt, Limits{.steps_max = 100'000, .stop = {}});
      ASSERT_TRUE(result.has_value() || !result.error().text.empty());
    }
  }
  EXPECT_GT(accepted, 100);
}

TEST(Files, our_own_format_reads_back_what_it_wrote) {
  for (const Model model : {Model::cas_register, Model::kv, Model::mutex, Model::multi_register}) {
    Rng rng(static_cast<std::uint64_t>(model));
    for (int i = 0; i < 200; ++i) {
      History history = random_history(rng, {.model = model, .operations = 8, .keys = 2});
      history.unit = rng.chance(1, 2) ? TimeUnit::nanosecond : TimeUnit::event;
      history.operations[0].node = "n\"1\n\\";
      history.operations[0].start = 3;
      history.operations[0].index = 17;
      history.operations[0].level = Level::weak;
      history.log = {{.index = 4, .key = "a", .value = "1"}, {.index = 5, .key = "a", .value = {}}};
      const std::string text = to_jsonl(history);
      EXPECT_EQ(guess_format(text), Format::jsonl);
      const auto back = parse_history(text, Format::jsonl, {});
      ASSERT_TRUE(back) << back.error().text << "\n" << text;
      EXPECT_EQ(*back, history) << text;
    }
  }
}

}  // namespace
}  // namespace lockstep::check
