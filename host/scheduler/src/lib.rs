//! Decides what runs when: TaskService, dispatcher, sweeper, outbox delivery.
