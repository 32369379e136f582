/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Akin itself, through its public interface.
 */
#include <stdexcept>

#include "akin/akin.h"
#include "contestant.hpp"

namespace peers
{
namespace
{

[[noreturn]] void fail(const akin_error &error)
{
    throw std::runtime_error(std::string("akin: ") + error.message);
}

class Akin : public Contestant
{
  public:
    Akin(const std::string &name, const Shape &shape) : name_(name), dim_(shape.dim)
    {
        akin_options options;
        akin_error error = {};
        akin_options_init(&options);
        options.kind = name == "akin-flat" ? AKIN_FLAT : AKIN_HNSW;
        options.metric = shape.metric == Metric::l2              ? AKIN_L2
                         : shape.metric == Metric::inner_product ? AKIN_INNER_PRODUCT
                                                                 : AKIN_COSINE;
        options.dim = static_cast<std::uint32_t>(shape.dim);
        options.capacity = shape.capacity;
        options.m = shape.m;
        options.ef_construction = shape.ef_construction;
        if (akin_open(&options, &index_, &error) != AKIN_OK) {
            fail(error);
        }
        if (akin_context_create(index_, AKIN_K_MAX, &context_, &error) != AKIN_OK) {
            fail(error);
        }
        akin_search_options_init(&search_);
    }

    Akin(const Akin &) = delete;
    Akin &operator=(const Akin &) = delete;

    ~Akin() override
    {
        akin_context_destroy(context_);
        const akin_status status = akin_close(index_);
        (void)status; /* refused only inside a callback */
    }

    std::string name() const override
    {
        return name_;
    }

    void insert(const float *row, std::uint32_t number) override
    {
        akin_error error = {};
        const akin_vector vector = akin_vector_f32(row, static_cast<std::uint32_t>(dim_));
        if (akin_insert(index_, number, &vector, nullptr, &error) != AKIN_OK) {
            fail(error);
        }
    }

    void set_ef(std::uint32_t ef) override
    {
        search_.ef_search = ef;
    }

    std::size_t search(const float *query, std::size_t k, std::uint32_t *numbers) override
    {
        akin_error error = {};
        std::uint32_t count = 0;
        const akin_vector vector = akin_vector_f32(query, static_cast<std::uint32_t>(dim_));
        search_.k = static_cast<std::uint32_t>(k);
        found_.resize(k);
        if (akin_search(index_, context_, &vector, &search_, found_.data(), &count, &error) !=
            AKIN_OK) {
            fail(error);
        }
        for (std::uint32_t i = 0; i < count; i++) {
            numbers[i] = static_cast<std::uint32_t>(found_[i].key);
        }
        return count;
    }

    std::uint64_t bytes() const override
    {
        akin_stats stats = {};
        akin_error error = {};
        stats.struct_size = sizeof stats;
        if (akin_stats_get(index_, &stats, &error) != AKIN_OK) {
            fail(error);
        }
        return stats.memory.total_bytes;
    }

  private:
    std::string name_;
    std::size_t dim_;
    akin_index *index_ = nullptr;
    akin_context *context_ = nullptr;
    akin_search_options search_ = {};
    std::vector<akin_neighbor> found_;
};

} // namespace

std::unique_ptr<Contestant> make_akin(const std::string &name, const Shape &shape)
{
    return std::make_unique<Akin>(name, shape);
}

} // namespace peers
