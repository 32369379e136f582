/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is compared: an index that is filled once and searched by one thread.
 */
#ifndef AKIN_BENCH_PEERS_CONTESTANT_HPP
#define AKIN_BENCH_PEERS_CONTESTANT_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace peers
{

enum class Metric { l2, inner_product, cosine };

/* Rows of floats, one behind the other. */
struct Vectors {
    std::size_t count = 0;
    std::size_t dim = 0;
    std::vector<float> values;

    const float *row(std::size_t i) const
    {
        return values.data() + i * dim;
    }
};

struct Shape {
    Metric metric = Metric::l2;
    std::size_t dim = 0;
    std::size_t capacity = 0;
    std::uint32_t m = 16;
    std::uint32_t ef_construction = 200;
};

class Contestant
{
  public:
    virtual ~Contestant() = default;
    virtual std::string name() const = 0;

    /* Insert a row under its number; rows come in order. */
    virtual void insert(const float *row, std::uint32_t number) = 0;

    /* The beam of the searches that follow; an exact index ignores it. */
    virtual void set_ef(std::uint32_t ef) = 0;

    /* The numbers of the k nearest, in any order; how many. */
    virtual std::size_t search(const float *query, std::size_t k, std::uint32_t *numbers) = 0;

    /* Bytes that the index holds, 0 when it does not say. */
    virtual std::uint64_t bytes() const
    {
        return 0;
    }
};

/* Make a contestant: akin, akin-flat, hnswlib, faiss-flat, faiss-hnsw. Null when this program was
   built without it; std::invalid_argument for another name. */
std::unique_ptr<Contestant> make_akin(const std::string &name, const Shape &shape);
std::unique_ptr<Contestant> make_hnswlib(const Shape &shape);
std::unique_ptr<Contestant> make_faiss(const std::string &name, const Shape &shape);

} // namespace peers

#endif
