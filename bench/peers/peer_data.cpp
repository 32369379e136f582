/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading vectors and truths.
 */
#include "peer_data.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>

extern "C" {
#include "cli/fill.h"
#include "cli/say.h"
#include "cli/truth.h"
#include "cli/vecs.h"
}

namespace peers
{
namespace
{

void check(int code)
{
    if (code != CLI_OK) {
        throw Failure{code};
    }
}

/* A file of vectors while it is read. */
class File
{
  public:
    File(const std::string &path, std::size_t limit)
    {
        check(vecs_open(&vecs_, path.c_str(), VECS_VECTORS, limit));
    }
    File(const File &) = delete;
    File &operator=(const File &) = delete;
    ~File()
    {
        vecs_close(&vecs_);
    }

    const vecs &get() const
    {
        return vecs_;
    }

    Vectors floats() const
    {
        Vectors vectors;
        vectors.count = vecs_.row_count;
        vectors.dim = vecs_.dim;
        vectors.values.resize(vectors.count * vectors.dim);
        for (std::size_t i = 0; i < vectors.count; i++) {
            float *const row = &vectors.values[i * vectors.dim];
            const void *const read = vecs_row_as(&vecs_, i, AKIN_F32, row);
            if (read != row) {
                std::memcpy(row, read, vectors.dim * sizeof(float));
            }
        }
        return vectors;
    }

  private:
    vecs vecs_ = {};
};

akin_metric metric_of(Metric metric)
{
    return metric == Metric::l2              ? AKIN_L2
           : metric == Metric::inner_product ? AKIN_INNER_PRODUCT
                                             : AKIN_COSINE;
}

/* The exact answers, from the file or by a flat index that is made for them. */
void find_truth(const Source &source, const truth_plan &plan, truth *found)
{
    if (!source.truth.empty()) {
        check(truth_read(&plan, source.truth.c_str(), found));
        return;
    }
    fill_plan fill = {};
    fill_cost cost = {};
    akin_index *index = nullptr;
    fill.base = plan.base;
    fill.metric = plan.metric;
    fill.kind = AKIN_FLAT;
    fill.type = AKIN_F32;
    fill.threads = plan.threads;
    fill.threads_later = plan.threads;
    check(fill_index(&fill, &index, &cost));
    check(fill_close(index, truth_compute(&plan, index, found)));
}

Truth truth_of(const Source &source, const File &base, const File &query)
{
    truth found = {};
    truth_plan plan = {};
    plan.base = &base.get();
    plan.query = &query.get();
    plan.metric = metric_of(source.metric);
    plan.type = AKIN_F32;
    plan.k = static_cast<std::uint32_t>(source.k);
    plan.threads = std::max(1u, std::thread::hardware_concurrency());
    Truth rows;
    try {
        find_truth(source, plan, &found);
        for (std::size_t i = 0; i < found.query_count; i++) {
            const std::int32_t *const first = found.rows + i * found.k;
            rows.emplace_back(first, first + found.k);
        }
    } catch (...) {
        truth_free(&found);
        throw;
    }
    truth_free(&found);
    return rows;
}

} // namespace

Data read_data(const Source &source)
{
    const File base(source.base, source.limit);
    const File query(source.query, source.query_limit);
    check(fill_accept(&base.get(), metric_of(source.metric), AKIN_F32));
    check(fill_accept_query(&query.get(), base.get().dim, AKIN_F32));
    Data data;
    data.truth = truth_of(source, base, query);
    data.base = base.floats();
    data.query = query.floats();
    return data;
}

const float *Prepared::operator()(const float *vector)
{
    if (metric_ != Metric::cosine) {
        return vector;
    }
    double sum = 0;
    for (std::size_t i = 0; i < unit_.size(); i++) {
        sum += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
    }
    const float inverse = static_cast<float>(1 / std::sqrt(sum));
    for (std::size_t i = 0; i < unit_.size(); i++) {
        unit_[i] = vector[i] * inverse;
    }
    return unit_.data();
}

} // namespace peers
