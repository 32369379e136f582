/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FAISS (Debian: libfaiss-dev, a generic build): flat and HNSW over floats.
 */
#include <omp.h>

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>

#include "contestant.hpp"
#include "peer_data.hpp"

namespace peers
{
namespace
{

class Faiss : public Contestant
{
  public:
    Faiss(const std::string &name, const Shape &shape)
        : name_(name), shape_(shape), prepared_(shape.metric, shape.dim)
    {
        const int dim = static_cast<int>(shape.dim);
        omp_set_num_threads(1); /* as the others */
        const auto metric =
            shape.metric == Metric::l2 ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT;
        if (name == "faiss-flat") {
            index_ = std::make_unique<faiss::IndexFlat>(dim, metric);
        } else {
            auto graph =
                std::make_unique<faiss::IndexHNSWFlat>(dim, static_cast<int>(shape.m), metric);
            graph->hnsw.efConstruction = static_cast<int>(shape.ef_construction);
            graph_ = graph.get();
            index_ = std::move(graph);
        }
    }

    std::string name() const override
    {
        return name_;
    }

    void insert(const float *row, std::uint32_t number) override
    {
        (void)number; /* rows come in order, and are numbered so */
        index_->add(1, prepared_(row));
    }

    void set_ef(std::uint32_t ef) override
    {
        if (graph_ != nullptr) {
            graph_->hnsw.efSearch = static_cast<int>(ef);
        }
    }

    std::size_t search(const float *query, std::size_t k, std::uint32_t *numbers) override
    {
        labels_.resize(k);
        distances_.resize(k);
        index_->search(1, prepared_(query), static_cast<faiss::Index::idx_t>(k), distances_.data(),
                       labels_.data());
        std::size_t count = 0;
        for (std::size_t i = 0; i < k; i++) {
            if (labels_[i] >= 0) {
                numbers[count++] = static_cast<std::uint32_t>(labels_[i]);
            }
        }
        return count;
    }

  private:
    std::string name_;
    Shape shape_;
    Prepared prepared_;
    std::unique_ptr<faiss::Index> index_;
    faiss::IndexHNSWFlat *graph_ = nullptr;
    std::vector<faiss::Index::idx_t> labels_;
    std::vector<float> distances_;
};

} // namespace

std::unique_ptr<Contestant> make_faiss(const std::string &name, const Shape &shape)
{
    return std::make_unique<Faiss>(name, shape);
}

} // namespace peers
