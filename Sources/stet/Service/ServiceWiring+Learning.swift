import Domain
import Jobs
import UseCases

extension ServiceWiring {
  /// What makes likenesses of people, and lets them review.
  var learning: [JobHandler] {
    let ports = wiring.learning(model: model)
    let (learn, train) = (LearnReviewer(ports: ports), TrainReviewer(ports: ports))
    let review = wiring.reviewAs(model: model)
    return [
      JobHandler(
        Work.LearnReviewer.kind, concurrency: 2, limit: .seconds(4 * 3_600),
        run: { try await learn.handle($0) }, onGivenUp: { job, _ in await learn.givenUp(job) }),
      JobHandler(
        Work.TrainReviewer.kind, concurrency: 1,
        limit: ports.settings.trainingTime + .seconds(3_600),
        run: { try await train.handle($0) }, onGivenUp: { job, _ in await train.givenUp(job) }),
      JobHandler(
        Work.ReviewAs.kind, concurrency: 2, limit: .seconds(3_600),
        run: { try await review.handle($0) },
        onGivenUp: { await review.givenUp($0, reason: $1) }),
    ]
  }
}
