/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors and exact answers, read and judged by what the command has for that.
 */
#ifndef AKIN_BENCH_PEERS_PEER_DATA_HPP
#define AKIN_BENCH_PEERS_PEER_DATA_HPP

#include <string>
#include <vector>

#include "contestant.hpp"

namespace peers
{

using Truth = std::vector<std::vector<std::uint32_t>>;

/* What everybody searches. */
struct Data {
    Vectors base;
    Vectors query;
    Truth truth;
};

/* Where it comes from. */
struct Source {
    std::string base;
    std::string query;
    std::string truth; /* empty: computed */
    std::size_t limit = 0;
    std::size_t query_limit = 0;
    std::size_t k = 10;
    Metric metric = Metric::l2;
};

/* Read it all. Failure, already said on standard error, is the exit code of the command. */
struct Failure {
    int code;
};
Data read_data(const Source &source);

/* Vectors as a peer without cosine takes them: the inner product of unit vectors is one. */
class Prepared
{
  public:
    Prepared(Metric metric, std::size_t dim) : metric_(metric), unit_(dim)
    {
    }

    /* The vector, or one of length 1 in its direction, valid until the next call. */
    const float *operator()(const float *vector);

  private:
    Metric metric_;
    std::vector<float> unit_;
};

} // namespace peers

#endif
