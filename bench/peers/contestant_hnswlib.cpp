/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hnswlib (Debian: libhnswlib-dev). It is compiled here, for the instruction sets of this machine.
 */
#include <hnswlib/hnswlib.h>

#include "contestant.hpp"
#include "peer_data.hpp"

namespace peers
{
namespace
{

class Hnswlib : public Contestant
{
  public:
    explicit Hnswlib(const Shape &shape) : shape_(shape), prepared_(shape.metric, shape.dim)
    {
        if (shape.metric == Metric::l2) {
            space_ = std::make_unique<hnswlib::L2Space>(shape.dim);
        } else {
            space_ = std::make_unique<hnswlib::InnerProductSpace>(shape.dim);
        }
        graph_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), shape.capacity,
                                                                   shape.m, shape.ef_construction);
    }

    std::string name() const override
    {
        return "hnswlib";
    }

    void insert(const float *row, std::uint32_t number) override
    {
        graph_->addPoint(prepared_(row), number);
    }

    void set_ef(std::uint32_t ef) override
    {
        graph_->setEf(ef);
    }

    std::size_t search(const float *query, std::size_t k, std::uint32_t *numbers) override
    {
        auto found = graph_->searchKnn(prepared_(query), k);
        std::size_t count = 0;
        for (; !found.empty(); found.pop()) {
            numbers[count++] = static_cast<std::uint32_t>(found.top().second);
        }
        return count;
    }

  private:
    Shape shape_;
    Prepared prepared_;
    std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
    std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph_;
};

} // namespace

std::unique_ptr<Contestant> make_hnswlib(const Shape &shape)
{
    return std::make_unique<Hnswlib>(shape);
}

} // namespace peers
