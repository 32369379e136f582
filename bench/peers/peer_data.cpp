/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading vectors and truths.
 */
#include "peer_data.hpp"

#include <cmath>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace peers
{
namespace
{

bool ends_with(const std::string &text, const std::string &end)
{
    return text.size() >= end.size() &&
           text.compare(text.size() - end.size(), end.size(), end) == 0;
}

[[noreturn]] void fail(const std::string &path, std::size_t row, const char *what)
{
    throw std::runtime_error(path + ": row " + std::to_string(row) + ": " + what);
}

/* Rows of a dimension and as many elements of `element_bytes`; `take` gets each. False at the
   end. */
template <typename Take>
void read_rows(const std::string &path, std::size_t element_bytes, std::size_t limit, Take take)
{
    std::ifstream file(path, std::ios::binary);
    std::vector<char> bytes;
    if (!file) {
        throw std::runtime_error(path + ": cannot be read");
    }
    for (std::size_t row = 0; limit == 0 || row < limit; row++) {
        std::int32_t dim = 0;
        if (!file.read(reinterpret_cast<char *>(&dim), sizeof dim)) {
            return;
        }
        if (dim < 1 || dim > 16384) {
            fail(path, row, "the dimension is not within 1 and 16384");
        }
        bytes.resize(static_cast<std::size_t>(dim) * element_bytes);
        if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
            fail(path, row, "the file ends within it");
        }
        take(row, static_cast<std::size_t>(dim), bytes);
    }
}

} // namespace

Vectors read_vectors(const std::string &path, std::size_t limit)
{
    Vectors vectors;
    const bool has_bytes = ends_with(path, ".bvecs");
    if (!has_bytes && !ends_with(path, ".fvecs")) {
        throw std::runtime_error(path + ": neither .fvecs nor .bvecs");
    }
    read_rows(path, has_bytes ? 1 : sizeof(float), limit,
              [&](std::size_t row, std::size_t dim, const std::vector<char> &bytes) {
                  if (row > 0 && dim != vectors.dim) {
                      fail(path, row, "another dimension than the row before");
                  }
                  const std::size_t at = vectors.values.size();
                  vectors.dim = dim;
                  vectors.count++;
                  vectors.values.resize(at + dim);
                  for (std::size_t i = 0; i < dim && has_bytes; i++) {
                      vectors.values[at + i] =
                          static_cast<float>(static_cast<unsigned char>(bytes[i]));
                  }
                  if (!has_bytes) {
                      std::memcpy(&vectors.values[at], bytes.data(), bytes.size());
                  }
              });
    if (vectors.count == 0) {
        throw std::runtime_error(path + ": no rows");
    }
    return vectors;
}

Truth read_truth(const std::string &path, std::size_t queries, std::size_t k)
{
    Truth truth;
    read_rows(path, sizeof(std::int32_t), queries,
              [&](std::size_t row, std::size_t dim, const std::vector<char> &bytes) {
                  if (dim < k) {
                      fail(path, row, "fewer answers than --k");
                  }
                  std::vector<std::uint32_t> numbers(k);
                  std::memcpy(numbers.data(), bytes.data(), k * sizeof numbers[0]);
                  truth.push_back(numbers);
              });
    if (truth.size() != queries) {
        throw std::runtime_error(path + ": fewer rows than there are queries");
    }
    return truth;
}

Truth compute_truth(const Vectors &base, const Vectors &query, Metric metric, std::size_t k)
{
    Shape shape;
    shape.metric = metric;
    shape.dim = base.dim;
    shape.capacity = base.count;
    const auto flat = make_akin("akin-flat", shape);
    for (std::size_t i = 0; i < base.count; i++) {
        flat->insert(base.row(i), static_cast<std::uint32_t>(i));
    }
    Truth truth;
    for (std::size_t i = 0; i < query.count; i++) {
        std::vector<std::uint32_t> numbers(k);
        numbers.resize(flat->search(query.row(i), k, numbers.data()));
        truth.push_back(numbers);
    }
    return truth;
}

void make_unit(const float *vector, std::size_t dim, float *unit)
{
    double sum = 0;
    for (std::size_t i = 0; i < dim; i++) {
        sum += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
    }
    const float inverse = static_cast<float>(1 / std::sqrt(sum));
    for (std::size_t i = 0; i < dim; i++) {
        unit[i] = vector[i] * inverse;
    }
}

} // namespace peers
