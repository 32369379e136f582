/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin-bench-peers: Akin and others on the same vectors, in the same run, one right after the
 * other.
 *
 * Each contestant is filled once, by one thread. Then, for each beam width, every contestant
 * searches all queries, in turn, `repeats` times; the order turns with each pass. Times are those
 * of the thread's processor clock. A line gives the median of the passes, and for a peer the median
 * of the ratios of its passes to those of Akin next to them. The lines at fixed recalls interpolate
 * between beam widths.
 *
 * JSON lines have the fields of `akin bench`, and `peer`.
 */
#include <argp.h>
#include <ctime>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>
#include <stdexcept>

#include <jansson.h>

#include "contestant.hpp"
#include "peer_data.hpp"

namespace
{

using namespace peers;

enum Key {
    BASE = 0x100,
    QUERY,
    TRUTH,
    METRIC,
    PEER,
    M,
    EF_CONSTRUCTION,
    EF,
    K,
    REPEATS,
    LIMIT,
    QUERY_LIMIT
};

struct Call {
    std::string base;
    std::string query;
    std::string truth;
    std::string metric;
    std::vector<std::string> peers;
    std::vector<std::uint32_t> efs = {10, 20, 30, 40, 60, 80, 120, 160, 200, 300, 400};
    std::uint32_t m = 16;
    std::uint32_t ef_construction = 200;
    std::size_t k = 10;
    std::size_t repeats = 5;
    std::size_t limit = 0;
    std::size_t query_limit = 0;
};

const argp_option options[] = {
    {"base", BASE, "FILE", 0, "Vectors: .fvecs or .bvecs", 0},
    {"query", QUERY, "FILE", 0, "Queries", 0},
    {"truth", TRUTH, "FILE", 0, "Exact answers (.ivecs); computed if it is not given", 0},
    {"metric", METRIC, "l2|ip|cosine", 0, "What distance means", 0},
    {"peer", PEER, "NAMES", 0, "hnswlib, faiss-flat, faiss-hnsw, with commas between them", 0},
    {"m", M, "N", 0, "Neighbors of graphs, 2 to 64 (default 16)", 0},
    {"ef-construction", EF_CONSTRUCTION, "N", 0, "Of graphs, up to 10000 (default 200)", 0},
    {"ef", EF, "LIST", 0, "Beam widths", 0},
    {"k", K, "K", 0, "Results for each query (default 10)", 0},
    {"repeats", REPEATS, "N", 0, "Passes of each contestant at each beam width (default 5)", 0},
    {"limit", LIMIT, "N", 0, "Take only the first N rows of the base", 0},
    {"query-limit", QUERY_LIMIT, "N", 0, "Take only the first N queries", 0},
    {nullptr, 0, nullptr, 0, nullptr, 0},
};

std::uint64_t number(argp_state *state, const char *option, const std::string &text,
                     std::uint64_t least, std::uint64_t most)
{
    char *end = nullptr;
    const unsigned long long value = std::strtoull(text.c_str(), &end, 10);
    if (text.empty() || *end != '\0' || value < least || value > most) {
        argp_error(state, "%s %s is not a number from %llu to %llu", option, text.c_str(),
                   static_cast<unsigned long long>(least), static_cast<unsigned long long>(most));
    }
    return value;
}

std::vector<std::string> split(const std::string &text)
{
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, ',');) {
        parts.push_back(part);
    }
    return parts;
}

error_t parse(int key, char *text, argp_state *state)
{
    Call &call = *static_cast<Call *>(state->input);
    switch (key) {
    case BASE:
        call.base = text;
        return 0;
    case QUERY:
        call.query = text;
        return 0;
    case TRUTH:
        call.truth = text;
        return 0;
    case METRIC:
        call.metric = text;
        return 0;
    case PEER:
        for (const auto &name : split(text)) {
            call.peers.push_back(name);
        }
        return 0;
    case M:
        call.m = static_cast<std::uint32_t>(number(state, "--m", text, 2, 64));
        return 0;
    case EF_CONSTRUCTION:
        call.ef_construction =
            static_cast<std::uint32_t>(number(state, "--ef-construction", text, 1, 10000));
        return 0;
    case EF:
        call.efs.clear();
        for (const auto &part : split(text)) {
            call.efs.push_back(static_cast<std::uint32_t>(number(state, "--ef", part, 1, 10000)));
        }
        return 0;
    case K:
        call.k = number(state, "--k", text, 1, 10000);
        return 0;
    case REPEATS:
        call.repeats = number(state, "--repeats", text, 1, 1000);
        return 0;
    case LIMIT:
        call.limit = number(state, "--limit", text, 1, INT32_MAX);
        return 0;
    case QUERY_LIMIT:
        call.query_limit = number(state, "--query-limit", text, 1, INT32_MAX);
        return 0;
    case ARGP_KEY_END:
        if (call.base.empty() || call.query.empty() || call.metric.empty()) {
            argp_error(state, "--base, --query and --metric are needed");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

double thread_seconds()
{
    timespec now = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

std::unique_ptr<Contestant> make(const std::string &name, const Shape &shape)
{
    if (name == "akin") {
        return make_akin(name, shape);
    }
    if (name == "hnswlib") {
#if defined(AKIN_HAS_HNSWLIB)
        return make_hnswlib(shape);
#endif
    } else if (name == "faiss-flat" || name == "faiss-hnsw") {
#if defined(AKIN_HAS_FAISS)
        return make_faiss(name, shape);
#endif
    } else {
        throw std::invalid_argument("--peer " + name + ": hnswlib, faiss-flat or faiss-hnsw");
    }
    throw std::runtime_error("--peer " + name + ": this program was built without it");
}

void print(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    std::putchar('\n');
    std::fflush(stdout);
    json_decref(object);
}

/* A contestant, and what it came to at each beam width. */
struct Entry {
    std::unique_ptr<Contestant> contestant;
    double build_seconds = 0;
    std::vector<double> recalls;
    std::vector<double> qps;
    std::vector<double> ratios; /* of Akin to it */
};

void fill(Entry &entry, const Vectors &base, const Call &call, double akin_seconds)
{
    const double begun = thread_seconds();
    for (std::size_t i = 0; i < base.count; i++) {
        entry.contestant->insert(base.row(i), static_cast<std::uint32_t>(i));
    }
    entry.build_seconds = thread_seconds() - begun;
    const double bytes = static_cast<double>(entry.contestant->bytes());
    print(json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:f,s:I,s:f,s:f}", "phase", "build", "peer",
                    entry.contestant->name().c_str(), "metric", call.metric.c_str(), "dim",
                    static_cast<json_int_t>(base.dim), "threads", json_int_t{1}, "vectors",
                    static_cast<json_int_t>(base.count), "cpu_seconds", entry.build_seconds, "m",
                    static_cast<json_int_t>(call.m), "bytes_per_vector",
                    bytes / static_cast<double>(base.count), "akin_to_peer",
                    akin_seconds > 0 ? akin_seconds / entry.build_seconds : 1.0));
}

/* One pass over all queries: queries a second; the recall on the side. */
double pass(Contestant &contestant, const Vectors &query, const Truth &truth, std::size_t k,
            double *recall)
{
    std::vector<std::uint32_t> found(query.count * k);
    std::vector<std::size_t> counts(query.count);
    const double begun = thread_seconds();
    for (std::size_t i = 0; i < query.count; i++) {
        counts[i] = contestant.search(query.row(i), k, &found[i * k]);
    }
    const double seconds = thread_seconds() - begun;
    std::size_t hits = 0;
    for (std::size_t i = 0; i < query.count; i++) {
        for (std::size_t j = 0; j < counts[i]; j++) {
            hits += static_cast<std::size_t>(
                std::count(truth[i].begin(), truth[i].end(), found[i * k + j]));
        }
    }
    *recall = static_cast<double>(hits) / static_cast<double>(query.count * k);
    return static_cast<double>(query.count) / seconds;
}

void measure(std::vector<Entry> &entries, const Vectors &query, const Truth &truth,
             const Call &call, std::uint32_t ef)
{
    std::vector<std::vector<double>> qps(entries.size());
    std::vector<double> recalls(entries.size());
    for (auto &entry : entries) {
        entry.contestant->set_ef(ef);
    }
    for (std::size_t r = 0; r < call.repeats; r++) {
        for (std::size_t i = 0; i < entries.size(); i++) {
            const std::size_t e = (i + r) % entries.size();
            qps[e].push_back(pass(*entries[e].contestant, query, truth, call.k, &recalls[e]));
        }
    }
    for (std::size_t e = 0; e < entries.size(); e++) {
        std::vector<double> ratios;
        ratios.reserve(call.repeats);
        for (std::size_t r = 0; r < call.repeats; r++) {
            ratios.push_back(qps[0][r] / qps[e][r]);
        }
        entries[e].recalls.push_back(recalls[e]);
        entries[e].qps.push_back(median(qps[e]));
        entries[e].ratios.push_back(median(ratios));
        print(json_pack("{s:s,s:s,s:I,s:I,s:I,s:f,s:f,s:f,s:I,s:I}", "phase", "search", "peer",
                        entries[e].contestant->name().c_str(), "threads", json_int_t{1}, "ef",
                        static_cast<json_int_t>(ef), "k", static_cast<json_int_t>(call.k), "recall",
                        recalls[e], "qps_cpu", entries[e].qps.back(), "akin_to_peer",
                        entries[e].ratios.back(), "queries", static_cast<json_int_t>(query.count),
                        "repeats", static_cast<json_int_t>(call.repeats)));
    }
}

/* Queries a second at a recall; 0 when no beam width reaches it. The narrowest one counts for all
   recalls below its own. */
double qps_at(const Entry &entry, double recall)
{
    if (entry.recalls.front() >= recall) {
        return entry.qps.front();
    }
    for (std::size_t i = 1; i < entry.recalls.size(); i++) {
        if (entry.recalls[i] >= recall && entry.recalls[i] > entry.recalls[i - 1]) {
            const double part =
                (recall - entry.recalls[i - 1]) / (entry.recalls[i] - entry.recalls[i - 1]);
            return entry.qps[i - 1] + part * (entry.qps[i] - entry.qps[i - 1]);
        }
    }
    return 0;
}

void compare(const std::vector<Entry> &entries)
{
    for (const double recall : {0.90, 0.95, 0.99}) {
        for (const auto &entry : entries) {
            const double akin = qps_at(entries[0], recall);
            const double peer = qps_at(entry, recall);
            print(json_pack("{s:s,s:s,s:f,s:f,s:f}", "phase", "at_recall", "peer",
                            entry.contestant->name().c_str(), "recall", recall, "qps_cpu", peer,
                            "akin_to_peer", peer > 0 ? akin / peer : 0.0));
        }
    }
}

void run(const Call &call)
{
    static const std::map<std::string, Metric> metrics = {
        {"l2", Metric::l2}, {"ip", Metric::inner_product}, {"cosine", Metric::cosine}};
    const auto metric = metrics.find(call.metric);
    if (metric == metrics.end()) {
        throw std::invalid_argument("--metric " + call.metric + ": l2, ip or cosine");
    }
    if (call.limit != 0 && !call.truth.empty()) {
        throw std::invalid_argument("--truth is of the whole base, and --limit takes a part");
    }
    Source source;
    source.base = call.base;
    source.query = call.query;
    source.truth = call.truth;
    source.limit = call.limit;
    source.query_limit = call.query_limit;
    source.k = call.k;
    source.metric = metric->second;
    const Data data = read_data(source);
    Shape shape;
    shape.metric = metric->second;
    shape.dim = data.base.dim;
    shape.capacity = data.base.count;
    shape.m = call.m;
    shape.ef_construction = call.ef_construction;
    std::vector<Entry> entries(1 + call.peers.size());
    entries[0].contestant = make("akin", shape);
    for (std::size_t i = 0; i < call.peers.size(); i++) {
        entries[i + 1].contestant = make(call.peers[i], shape);
    }
    for (auto &entry : entries) {
        fill(entry, data.base, call, entries[0].build_seconds);
    }
    for (const std::uint32_t ef : call.efs) {
        measure(entries, data.query, data.truth, call, ef);
    }
    compare(entries);
}

} // namespace

int main(int argc, char **argv)
{
    Call call;
    const argp parser = {options, parse,   nullptr, "Measure Akin beside its peers, in one run.",
                         nullptr, nullptr, nullptr};
    const error_t error = argp_parse(&parser, argc, argv, 0, nullptr, &call);
    if (error != 0) {
        return 2;
    }
    try {
        run(call);
    } catch (const Failure &failure) {
        return failure.code; /* which has been said */
    } catch (const std::invalid_argument &wrong) {
        std::fprintf(stderr, "akin-bench-peers: %s\n", wrong.what());
        return 2;
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "akin-bench-peers: %s\n", failure.what());
        return 1;
    }
    return 0;
}
