/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors and exact answers from files: .fvecs, .bvecs, .ivecs.
 */
#ifndef AKIN_BENCH_PEERS_PEER_DATA_HPP
#define AKIN_BENCH_PEERS_PEER_DATA_HPP

#include <string>
#include <vector>

#include "contestant.hpp"

namespace peers
{

using Truth = std::vector<std::vector<std::uint32_t>>;

/* Read up to `limit` rows, 0 for all; bytes become floats. std::runtime_error names file and
   row. */
Vectors read_vectors(const std::string &path, std::size_t limit);

/* The k nearest of each query, from a file, which must have as many. */
Truth read_truth(const std::string &path, std::size_t queries, std::size_t k);

/* The same by comparing everything: with the flat index. */
Truth compute_truth(const Vectors &base, const Vectors &query, Metric metric, std::size_t k);

/* A vector of length 1 in the same direction. */
void make_unit(const float *vector, std::size_t dim, float *unit);

} // namespace peers

#endif
