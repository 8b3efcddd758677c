// Every sentence, in both languages. The table is plain JSON: tests/test_labextension.py reads it.

/** The sentences in the first of a browser's languages that we speak, else in English. */
export function sentences(languages) {
  const known = languages.map((one) => one.slice(0, 2).toLowerCase()).find((one) => one === "fr" || one === "en");
  const language = known || "en";
  const say = (key, values = {}) =>
    WORDS[key][language].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
  say.language = language;
  return say;
}

const WORDS = {
  "banner": {
    "en": "About your workspace",
    "fr": "À propos de votre espace de travail"
  },
  "cancel": {
    "en": "Cancel",
    "fr": "Annuler"
  },
  "category": {
    "en": "Course",
    "fr": "Cours"
  },
  "close": {
    "en": "Close",
    "fr": "Fermer"
  },
  "copied": {
    "en": "Copied.",
    "fr": "Copié."
  },
  "copy": {
    "en": "Copy the link",
    "fr": "Copier le lien"
  },
  "ends-idle": {
    "en": "Nothing has happened here for a while. Your workspace stops in about {minutes} min; your files are kept.",
    "fr": "Rien ne s’est passé ici depuis un moment. Votre espace de travail s’arrête dans {minutes} min environ ; vos fichiers sont conservés."
  },
  "ends-lifetime": {
    "en": "Your workspace has run for as long as is allowed. It stops in about {minutes} min: save your work. You can start it again at once.",
    "fr": "Votre espace de travail a atteint sa durée maximale. Il s’arrête dans {minutes} min environ : enregistrez votre travail. Vous pourrez le redémarrer aussitôt."
  },
  "failed": {
    "en": "That did not work",
    "fr": "Cela n’a pas fonctionné"
  },
  "failed-connection": {
    "en": "The server does not answer. Please try again in a moment.",
    "fr": "Le serveur ne répond pas. Réessayez dans un instant."
  },
  "failed-missing": {
    "en": "The course has no notebook of this name, so there is no original to go back to.",
    "fr": "Le cours n’a pas de notebook de ce nom : il n’y a pas d’original à retrouver."
  },
  "failed-save": {
    "en": "The notebook could not be saved, so nothing was done.",
    "fr": "Le notebook n’a pas pu être enregistré : rien n’a été fait."
  },
  "failed-server": {
    "en": "The server says: {message}",
    "fr": "Le serveur indique : {message}"
  },
  "gigabytes": {
    "en": "{amount} GB",
    "fr": "{amount} Go"
  },
  "id-body": {
    "en": "This is how the course knows you:",
    "fr": "Voici comment le cours vous connaît :"
  },
  "id-course": {
    "en": "Course",
    "fr": "Cours"
  },
  "id-student": {
    "en": "Your id",
    "fr": "Votre identifiant"
  },
  "keep": {
    "en": "Keep it running",
    "fr": "Ne pas l’arrêter"
  },
  "megabytes": {
    "en": "{amount} MB",
    "fr": "{amount} Mo"
  },
  "move-down": {
    "en": "Move the cell down",
    "fr": "Descendre la cellule"
  },
  "move-up": {
    "en": "Move the cell up",
    "fr": "Monter la cellule"
  },
  "moved": {
    "en": "Your workspace was started again since this page was opened. Open the notebook again from the page of your course.",
    "fr": "Votre espace de travail a été redémarré depuis l’ouverture de cette page. Rouvrez le notebook depuis la page de votre cours."
  },
  "open-kept": {
    "en": "Open my former version",
    "fr": "Ouvrir mon ancienne version"
  },
  "out-of-memory": {
    "en": "Your kernel ran out of memory ({limit}) and was ended. What you wrote is safe, but variables are gone: run the cells again, with less data.",
    "fr": "Votre noyau a manqué de mémoire ({limit}) et a été arrêté. Ce que vous avez écrit est intact, mais les variables sont perdues : relancez les cellules, avec moins de données."
  },
  "reset": {
    "en": "Reset to Original…",
    "fr": "Revenir à l’original…"
  },
  "reset-body": {
    "en": "The notebook becomes again what the course gives. Your present version is kept, and you can open it later. The kernel runs on.",
    "fr": "Le notebook redevient celui que donne le cours. Votre version actuelle est conservée, et vous pourrez la rouvrir. Le noyau continue."
  },
  "reset-done": {
    "en": "This is the original again.",
    "fr": "Voici de nouveau l’original."
  },
  "reset-do": {
    "en": "Reset",
    "fr": "Réinitialiser"
  },
  "reset-kept": {
    "en": "Your former version is kept as {path}.",
    "fr": "Votre ancienne version est conservée : {path}."
  },
  "reset-title": {
    "en": "Reset this notebook to the original?",
    "fr": "Revenir à l’original de ce notebook ?"
  },
  "share": {
    "en": "Share Static Version…",
    "fr": "Partager une version statique…"
  },
  "share-ask": {
    "en": "Whoever has the link will see this notebook as it is now, without being able to change or run it.",
    "fr": "Toute personne ayant le lien verra ce notebook tel qu’il est maintenant, sans pouvoir le modifier ni l’exécuter."
  },
  "share-back": {
    "en": "Take it back",
    "fr": "Retirer le partage"
  },
  "share-busy": {
    "en": "The static version is being made…",
    "fr": "La version statique se prépare…"
  },
  "share-do": {
    "en": "Share",
    "fr": "Partager"
  },
  "share-link": {
    "en": "Link to the static version",
    "fr": "Lien vers la version statique"
  },
  "share-title": {
    "en": "Share a static version",
    "fr": "Partager une version statique"
  },
  "share-try": {
    "en": "Try the link",
    "fr": "Essayer le lien"
  },
  "share-update": {
    "en": "Share the present version",
    "fr": "Partager la version actuelle"
  },
  "share-when": {
    "en": "Shared on {when}. Sharing again replaces what the same link shows.",
    "fr": "Partagé le {when}. Partager à nouveau remplace ce que montre ce même lien."
  },
  "show-id": {
    "en": "Show my Id…",
    "fr": "Afficher mon identifiant…"
  },
  "start-again": {
    "en": "Start it again",
    "fr": "Redémarrer"
  },
  "stopped": {
    "en": "Your workspace was stopped. Your files are kept.",
    "fr": "Votre espace de travail a été arrêté. Vos fichiers sont conservés."
  },
  "stopped-idle": {
    "en": "Your workspace was stopped because nobody used it for a while. Your files are kept.",
    "fr": "Votre espace de travail a été arrêté, car personne ne s’en servait. Vos fichiers sont conservés."
  },
  "stopped-lifetime": {
    "en": "Your workspace was stopped because it had run for as long as is allowed. Your files are kept.",
    "fr": "Votre espace de travail a été arrêté, car il avait atteint sa durée maximale. Vos fichiers sont conservés."
  },
  "stopped-memory": {
    "en": "Your workspace ran out of memory and was stopped. Your files are kept.",
    "fr": "Votre espace de travail a manqué de mémoire et a été arrêté. Vos fichiers sont conservés."
  },
  "take-unsaved": {
    "en": "Download what is not saved",
    "fr": "Télécharger ce qui n’est pas enregistré"
  }
};
