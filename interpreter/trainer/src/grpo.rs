pub struct GrpoPrompt;
pub trait RewardSource {}
pub fn train_grpo() {}
